"""A folder of pictures, one subfolder a class, or with `train` and `test` above the classes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image, UnidentifiedImageError

from hpsearch.data.images import ImageStore
from hpsearch.data.pictures import Pictures, channels_of, hold, some
from hpsearch.errors import DataError

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"}


def load_folder(
    folder: Path, split: str, image_size: int | None, memory_limit_gb: float
) -> ImageStore:
    """Loads a tree of pictures; those above the memory limit are decoded batch by batch.

    Args:
        folder: holds `train` and `test`, or else the classes' folders themselves, which then
            are all for training.
        split: `train` or `test`.
        image_size: height and width to which every picture is brought, in pixels.
        memory_limit_gb: the most that decoded pictures may take, in units of 10**9 bytes.

    Raises:
        DataError: there are no pictures, no such split, or no `image_size`.
    """
    top = _top(folder, split)
    names = _classes(folder / "train" if (folder / "train").is_dir() else folder)
    files = [
        (path, label)
        for label, name in enumerate(names)
        for path in sorted((top / name).rglob("*"))
        if path.suffix.lower() in SUFFIXES
    ]
    if not files:
        raise DataError(
            f"{top}: holds no pictures; it must hold one folder a class with "
            f"{', '.join(sorted(SUFFIXES))} files"
        )
    if image_size is None:
        raise DataError(f"{top}: pictures need image_size, their height and width in pixels")
    paths = [path for path, _ in files]
    pictures = Pictures(
        read=lambda number: _open(paths[number]),
        labels=torch.tensor([label for _, label in files]),
        classes=tuple(names),
        size=image_size,
        channels=_channels(paths),
    )
    return hold(pictures, memory_limit_gb)


def _top(folder: Path, split: str) -> Path:
    if (folder / split).is_dir():
        return folder / split
    if split == "train":
        return folder
    raise DataError(f"{folder}: there is no test split; put its classes into {folder / split}")


def _classes(top: Path) -> list[str]:
    return sorted(
        path.name for path in top.iterdir() if path.is_dir() and not path.name.startswith(".")
    )


def _channels(paths: Sequence[Path]) -> int:
    def looked_at() -> list[Image.Image]:
        opened = [_open(paths[number]) for number in some(len(paths))]
        for picture in opened:
            picture.close()
        return opened

    return channels_of(looked_at())


def _open(path: Path) -> Image.Image:
    try:
        return Image.open(path)
    except (OSError, UnidentifiedImageError) as error:
        raise DataError(f"{path}: not a picture that can be read ({error})") from error
