"""A folder of pictures: one subfolder per class, perhaps below training and test folders."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from hpsearch.data.decode import (
    UnreadablePicture,
    decode,
    is_grey,
    open_picture,
    read_picture,
    sample_range,
)
from hpsearch.data.images import Images, ImageStore
from hpsearch.data.pictures import Pictures
from hpsearch.data.sources.layout import Layout, find_layout, visible_folders
from hpsearch.data.sources.memory import fits
from hpsearch.data.sources.request import Request, Split
from hpsearch.data.sources.tree import Tree, class_names, listed, other_classes
from hpsearch.errors import DataError

# Pictures whose range is looked at, and the part of it below which all are nearly black.
_SAMPLED, _DARK = 64, 16
_END_BYTES = 64
_ENDS = {"JPEG": b"\xff\xd9", "PNG": b"IEND", "GIF": b"\x3b"}

_log = logging.getLogger(__name__)


def load_folder(folder: Path, split: Split, request: Request) -> ImageStore:
    """Loads a tree of pictures; those above the memory limit are decoded batch by batch.

    The classes are the names of the training folder's subfolders, in their order. Pictures of a
    validation folder come last, and the store says how many they are.

    Raises:
        DataError: there are no classes, no such split, or no `image_size`; the parts differ in
            their classes; the pictures use a part of their 16 bits; or files cannot be used and may
            not be skipped. The message names all of them.
    """
    layout = find_layout(folder)
    classes = class_names(layout.train)
    if request.image_size is None:
        raise DataError(
            f"{layout.train}: pictures need image_size, their height and width in pixels,"
            " as in image_size: 28"
        )
    _require_same_classes(layout, classes)
    tree = Tree()
    if split == "test":
        if layout.test is None or not visible_folders(layout.test):
            where = layout.test or folder / "test"
            raise DataError(f"{folder}: there is no test split; put its classes into {where}")
        tree.add(layout.test, classes)
        return _hold(tree, layout.test, classes, request, len(tree.paths))
    tree.add(layout.train, classes)
    trained = len(tree.paths)
    if layout.val is not None:
        tree.add(layout.val, classes)
    pictures = _hold(tree, layout.train, classes, request, trained)
    _require_range(layout.train, tree.paths)
    return pictures


def _require_same_classes(layout: Layout, classes: Sequence[str]) -> None:
    """Rejects parts that differ in their classes: here, not only when the test split is opened."""
    # A test folder without classes is not labelled, as in a competition: there is no test split.
    others = [top for top in (layout.val, layout.test) if top is not None and visible_folders(top)]
    errors = [error for top in others for error in other_classes(top, layout.train, classes)]
    if errors:
        raise DataError(f"{layout.train}: its parts differ in their classes:{listed(errors)}")


def _hold(
    tree: Tree, top: Path, classes: Sequence[str], request: Request, trained: int
) -> ImageStore:
    """Returns the pictures, decoded now or at every use.

    Args:
        tree: the pictures, those of a validation folder last.
        top: the folder they are below.
        classes: the classes' names.
        request: how to hold them.
        trained: how many of them are not from a validation folder.

    Raises:
        DataError: some cannot be used and may not be skipped.
    """
    size = request.image_size or 0
    greys = _headers(tree)
    bad = {number for number, grey in enumerate(greys) if grey is None}
    shape = (3 if False in greys else 1, size, size)
    held = fits(len(tree.paths), shape, request.memory_limit_gb)
    pixels = _decode(tree, bad, shape, held)
    tree.errors += tree.empty_classes(top, classes, bad)
    _require_usable(top, tree.errors, request.skip_unreadable)
    kept = [number for number in range(len(tree.paths)) if number not in bad]
    if not kept:
        raise DataError(f"{top}: holds no picture that can be used")
    labels = torch.tensor([tree.labels[number] for number in kept])
    held_out = sum(number >= trained for number in kept)
    if held:
        images = torch.from_numpy(pixels[kept] if bad else pixels)
        return Images(images, labels, tuple(classes), held_out)
    paths = [tree.paths[number] for number in kept]
    return Pictures(
        read=lambda number: _read(paths[number]),
        labels=labels,
        classes=tuple(classes),
        size=size,
        channels=shape[0],
        held_out=held_out,
        files=tuple(f"{path.relative_to(top.parent)} {path.stat().st_size}" for path in paths),
    )


def _headers(tree: Tree) -> list[bool | None]:
    """Returns whether each picture is grey, by its header; None for one without a header."""
    greys: list[bool | None] = []
    for number, path in enumerate(tree.paths):
        try:
            with open_picture(path) as picture:
                greys.append(is_grey(picture))
        except UnreadablePicture as error:
            tree.refuse(number, error)
            greys.append(None)
    return greys


def _decode(
    tree: Tree, bad: set[int], shape: tuple[int, int, int], held: bool
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Returns the pictures' pixels, if they are held; adds those without any to `bad`.

    Of pictures that are not held, only those that look incomplete are decoded.
    """
    pixels = np.empty((len(tree.paths) if held else 0, *shape), np.uint8)
    for number, path in enumerate(tree.paths):
        if number in bad or (not held and _looks_whole(path)):
            continue
        try:
            decoded = decode(read_picture(path), shape)
        except UnreadablePicture as error:
            tree.refuse(number, error)
            bad.add(number)
        else:
            if held:
                pixels[number] = decoded
    return pixels


def _looks_whole(path: Path) -> bool:
    """Returns whether a file has a common format and ends as that format does."""
    with path.open("rb") as file, open_picture(path) as picture:
        file.seek(max(0, path.stat().st_size - _END_BYTES))
        end = _ENDS.get(picture.format or "")
        return end is not None and end in file.read() and picture.mode not in ("F", "I")


def _require_range(top: Path, paths: Sequence[Path]) -> None:
    """Rejects pictures of 16 bits that use 12 of them at most, as those of some cameras do.

    One picture may be dark. If all those in a sample use a sixteenth of the range, their white is
    lower than that of 16 bits, and most of their levels of grey would be lost.
    """
    highest = 0
    for path in paths[:: -(-len(paths) // _SAMPLED)]:
        try:
            found = sample_range(read_picture(path))
        except UnreadablePicture:  # reported, or skipped as asked
            continue
        if found is None or found[0] * _DARK > found[1]:
            return
        highest = max(highest, found[0])
    if highest:
        raise DataError(
            f"{top}: its pictures have 16 bits, but their values end at {highest}, so that of 256"
            f" levels of grey at most {_DARK} would be left: save them with 8 bits, or with values"
            " up to 65535"
        )


def _read(path: Path) -> Image.Image:
    try:
        return read_picture(path)
    except UnreadablePicture as error:
        raise DataError(f"{path}: {error}") from error


def _require_usable(top: Path, errors: Sequence[str], skip: bool) -> None:
    """Rejects everything that cannot be used, at once; or logs it, if it may be skipped."""
    if not errors:
        return
    if skip:
        _log.warning("%s: skipped, as skip_unreadable says:%s", top, listed(errors))
        return
    many = f"{len(errors)} files or folders" if len(errors) > 1 else "a file or folder"
    raise DataError(
        f"{top}: {many} cannot be used; repair or remove them, or train on the others with"
        f" skip_unreadable: true{listed(errors)}"
    )
