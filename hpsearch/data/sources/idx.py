"""MNIST's IDX files, gzipped or not, unpacked in memory."""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import numpy.typing as npt
import torch

from hpsearch.data.images import Images
from hpsearch.data.sources.labels import checked_labels
from hpsearch.data.sources.memory import require_memory
from hpsearch.errors import DataError

NAMES = {"train": "train", "test": "t10k"}
_UNSIGNED_BYTES = 8


def find_pair(folder: Path, split: str) -> tuple[Path, Path] | None:
    """Returns the files of a split's images and labels in a folder; None if one is missing."""
    images = _existing(folder, f"{NAMES[split]}-images-idx3-ubyte")
    labels = _existing(folder, f"{NAMES[split]}-labels-idx1-ubyte")
    return (images, labels) if images and labels else None


def load_pair(
    folder: Path, split: str, memory_limit_gb: float, names: Sequence[str] = ()
) -> Images:
    """Loads a split from a folder of IDX files.

    Raises:
        DataError: a file is missing or damaged, the images exceed the limit, or the labels do not
            belong to them.
    """
    pair = find_pair(folder, split)
    if pair is None:
        raise DataError(
            f"{folder}: the {split} split needs {NAMES[split]}-images-idx3-ubyte and "
            f"{NAMES[split]}-labels-idx1-ubyte, gzipped or not; one or both are missing"
        )
    count, *sides = idx_shape(pair[0])
    require_memory(str(folder), count, (1, *sides), memory_limit_gb)
    images, labels = (read_idx(path) for path in pair)
    if images.ndim != 3 or labels.shape != images.shape[:1] or not count:
        raise DataError(
            f"{pair[0]} has the shape {images.shape} and {pair[1].name} {labels.shape}; "
            "expected are (N, H, W) and (N,)"
        )
    checked, classes = checked_labels(labels, str(pair[1]), tuple(names))
    return Images(torch.from_numpy(images[:, np.newaxis]), checked, classes)


def idx_shape(path: Path) -> tuple[int, ...]:
    """Returns the lengths of an IDX file's axes, from its header.

    The format: two zero bytes, the element type, the number of axes, the length of each axis as
    a big-endian 32-bit integer, then the elements.

    Raises:
        DataError: the file cannot be unpacked or is not an IDX file of bytes.
    """
    with _reading(path) as stream:
        start = stream.read(4)
        if len(start) < 4 or start[:3] != bytes([0, 0, _UNSIGNED_BYTES]):
            raise DataError(f"{path}: not an IDX file of bytes, which begins with 00 00 08")
        lengths = stream.read(4 * start[3])
    if len(lengths) < 4 * start[3]:
        raise DataError(f"{path}: cut short within its header; copy the file again")
    return tuple(np.frombuffer(lengths, ">u4").tolist())


def read_idx(path: Path) -> npt.NDArray[np.uint8]:
    """Reads an IDX file of bytes as a writable array of the shape its header gives.

    Raises:
        DataError: the file cannot be unpacked, is not an IDX file of bytes, or is cut short.
    """
    shape = idx_shape(path)
    with _reading(path) as stream:
        content = bytearray(stream.read())
    header, promised = 4 + 4 * len(shape), math.prod(shape)
    if len(content) - header != promised:
        raise DataError(
            f"{path}: its header promises {promised} bytes, {len(content) - header} follow; "
            "copy the file again"
        )
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


@contextmanager
def _reading(path: Path) -> Iterator[BinaryIO]:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            yield cast(BinaryIO, stream)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read ({error}); copy the file again") from error


def _existing(folder: Path, name: str) -> Path | None:
    # torchvision renames the older "train-images.idx3-ubyte" spelling; both are in use.
    for spelling in (name, name.replace("-idx", ".idx")):
        for path in (folder / spelling, folder / f"{spelling}.gz"):
            if path.is_file():
                return path
    return None
