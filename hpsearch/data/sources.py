"""Where images come from: a name or a folder, looked for on this machine, then downloaded."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock
from platformdirs import user_cache_path

from hpsearch.data.folder import load_folder
from hpsearch.data.idx import NAMES, find_pair, idx_shape, read_idx
from hpsearch.data.images import Images, ImageStore
from hpsearch.data.memory import require_memory
from hpsearch.data.torchvision_sets import (
    NOT_THERE,
    as_images,
    files_wanted,
    find_class,
    has_idx_files,
    open_dataset,
)
from hpsearch.errors import DataError

MNIST_FOLDER = Path(__file__).parent / "mnist"


def load(
    source: str = "mnist",
    split: str = "train",
    data_dir: str | Path | None = None,
    image_size: int | None = None,
    memory_limit_gb: float = 4.0,
) -> ImageStore:
    """Finds and loads one split of a source.

    Runs no parallel operation of torch, so that a process which is forked afterwards may call it.

    Args:
        source: `mnist`, the name of a torchvision dataset in any case, or a folder: one that
            exists, or anything with a path separator in it.
        split: `train` or `test`; only the files of this one are read.
        data_dir: where a named dataset is looked for first, before `$HPSEARCH_DATA`, `./data` and
            the user's cache.
        image_size: height and width of pictures that come in different sizes, in pixels.
        memory_limit_gb: the most that images may take in memory, in units of 10**9 bytes.

    Raises:
        DataError: the source is unknown, is found nowhere, is too large, or comes in one size
            that is not `image_size`.
    """
    images = _load(source, split, data_dir, image_size, memory_limit_gb)
    _, height, width = images.shape
    if image_size is not None and (height, width) != (image_size, image_size):
        raise DataError(
            f"image_size={image_size}: the images of {source} are {height} x {width} pixels and "
            "stay so; leave image_size out, it is for pictures that differ in size"
        )
    return images


def places(data_dir: str | Path | None = None) -> list[Path]:
    """Returns the folders in which named datasets are looked for, in that order."""
    named = (data_dir, os.environ.get("HPSEARCH_DATA"))
    given = [Path(place).expanduser() for place in named if place]
    return [*given, Path("data"), _cache()]


def _load(
    source: str,
    split: str,
    data_dir: str | Path | None,
    image_size: int | None,
    memory_limit_gb: float,
) -> ImageStore:
    if source.lower() == "mnist":
        return _packaged_mnist(split, memory_limit_gb)
    folder = Path(source).expanduser()
    if folder.is_dir() or "/" in source or os.sep in source:
        return _load_folder(folder, split, image_size, memory_limit_gb)
    dataset = find_class(source)
    # The files of all of MNIST's kin have the same names. Without a folder of their own they are
    # taken for this dataset only where the user named the folder for it.
    if data_dir and has_idx_files(dataset) and find_pair(Path(data_dir).expanduser(), split):
        return _load_idx(Path(data_dir).expanduser(), split, memory_limit_gb, dataset.classes)
    for place in places(data_dir):
        found = _find(dataset, split, place, image_size, memory_limit_gb)
        if found is not None:
            return found
    return _download(dataset, split, data_dir, image_size, memory_limit_gb)


def _cache() -> Path:
    return user_cache_path("hpsearch") / "datasets"


@lru_cache(maxsize=2)
def _packaged_mnist(split: str, memory_limit_gb: float) -> Images:
    # Kept for the life of the process: trials forked from it share the memory.
    return _load_idx(MNIST_FOLDER, split, memory_limit_gb)


def _load_folder(
    folder: Path, split: str, image_size: int | None, memory_limit_gb: float
) -> ImageStore:
    if not folder.is_dir():
        raise DataError(f"source={str(folder)!r}: there is no such folder (from {Path.cwd()})")
    if find_pair(folder, split):
        return _load_idx(folder, split, memory_limit_gb)
    if any(find_pair(folder, other) for other in NAMES):
        raise DataError(
            f"{folder}: the {split} split needs {NAMES[split]}-images-idx3-ubyte and "
            f"{NAMES[split]}-labels-idx1-ubyte, gzipped or not; one or both are missing"
        )
    return load_folder(folder, split, image_size, memory_limit_gb)


def _find(
    dataset: Any, split: str, place: Path, image_size: int | None, memory_limit_gb: float
) -> ImageStore | None:
    """Returns the dataset if it is in that place, as bare IDX files or in torchvision's layout."""
    name = dataset.__name__
    if has_idx_files(dataset):
        for folder in (place / name / "raw", place / name, place / name.lower()):
            if find_pair(folder, split):
                return _load_idx(folder, split, memory_limit_gb, dataset.classes)
    if not place.is_dir():
        return None
    try:
        opened = open_dataset(dataset, split, place, download=False)
    except NOT_THERE:
        return None
    return as_images(opened, image_size, memory_limit_gb)


def _download(
    dataset: Any,
    split: str,
    data_dir: str | Path | None,
    image_size: int | None,
    memory_limit_gb: float,
) -> ImageStore:
    target = Path(data_dir).expanduser() if data_dir else _cache()
    try:
        target.mkdir(parents=True, exist_ok=True)
        # Trials start together; one downloads, the others wait for it and find the files.
        with FileLock(target / f"{dataset.__name__}.lock"):
            opened = open_dataset(dataset, split, target, download=True)
    except NOT_THERE as error:
        looked = "".join(f"\n    {place.resolve()}" for place in places(data_dir))
        wanted = "".join(f"\n    {file}" for file in files_wanted(dataset))
        raise DataError(
            f"source={dataset.__name__!r} is not on this machine and could not be downloaded "
            f"({_last_line(error)}).\n  Files wanted:{wanted}\n  Looked in:{looked}\n"
            "  Put the files into one of these folders, or name theirs with data_dir or "
            "$HPSEARCH_DATA."
        ) from error
    return as_images(opened, image_size, memory_limit_gb)


def _last_line(error: Exception) -> str:
    """Returns the cause: torchvision lists what it tried, line by line, and ends with it."""
    lines = str(error).strip().splitlines()
    return lines[-1] if lines else type(error).__name__


def _load_idx(
    folder: Path, split: str, memory_limit_gb: float, classes: Sequence[str] = ()
) -> Images:
    pair = find_pair(folder, split)
    assert pair is not None  # the caller has found it
    count, *sides = idx_shape(pair[0])
    require_memory(str(folder), count, (1, *sides), memory_limit_gb)
    images, labels = (read_idx(path) for path in pair)
    if images.ndim != 3 or labels.shape != images.shape[:1]:
        raise DataError(
            f"{pair[0]} has the shape {images.shape} and {pair[1].name} {labels.shape}: wanted "
            "are (N, H, W) and (N,)"
        )
    names = tuple(classes) or tuple(str(number) for number in range(int(labels.max()) + 1))
    return Images(
        torch.from_numpy(images[:, np.newaxis]), torch.from_numpy(labels.astype(np.int64)), names
    )
