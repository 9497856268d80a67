"""The kinds of source: how each is recognised and how it is read."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from hpsearch.data.images import Images, ImageStore
from hpsearch.data.sources.folder import load_folder
from hpsearch.data.sources.idx import NAMES, find_pair, load_pair
from hpsearch.data.sources.pixel_csv import is_pixel_csv, load_pixel_csv
from hpsearch.data.sources.places import same_name
from hpsearch.data.sources.request import Request, Split
from hpsearch.data.test_access import record_reading, require_open
from hpsearch.errors import DataError

MNIST_FOLDER = Path(__file__).parents[1] / "mnist"


class Source(NamedTuple):
    """A kind of source.

    Attributes:
        recognises: whether a request's `source` is of this kind.
        load: loads one split, reading the files of that split only.
        is_local: whether all of its files are on this machine already.
    """

    recognises: Callable[[str], bool]
    load: Callable[[Split, Request], ImageStore]
    is_local: bool = True


def load(request: Request) -> ImageStore:
    """Finds and loads the training images of a source; the files of no other split are read.

    Runs no parallel operation of torch, so that the calling process can be forked afterwards.

    Raises:
        DataError: the source is unknown, cannot be found, is too large, holds files that cannot be
            used, or has images of one size that is not `image_size`.
    """
    return _preloaded[request] if request in _preloaded else _load("train", request)


def load_test(request: Request, reason: str | None) -> ImageStore:
    """Loads the test images of a source, for a reason that is recorded.

    Raises:
        TestSplitClosedError: this process trains, or there is no reason.
        DataError: see `load`; or the evaluation cannot be recorded.
    """
    require_open(reason)
    images = _load("test", request)
    record_reading(images.fingerprint, request.source, str(reason))
    return images


def _load(split: Split, request: Request) -> ImageStore:
    images = _source_of(request).load(split, request)
    _, height, width = images.shape
    size = request.image_size
    if size is not None and (height, width) != (size, size):
        raise DataError(
            f"image_size={size}: the images of {request.source} always have {height} x {width}"
            " pixels; leave image_size out, which is for pictures that differ in size"
        )
    return images


def preload(request: Request) -> None:
    """Loads the training images into this process, for the processes forked from it.

    Downloads are left to the trial, which can report errors; what they need is loaded here.
    """
    if not _source_of(request).is_local:
        import hpsearch.data.sources.named  # noqa: F401

        return
    images = load(request)
    # The hash of the images is kept with them, so that trials need not compute it.
    _ = images.fingerprint
    _preloaded[request] = images


def _source_of(request: Request) -> Source:
    return next(source for source in SOURCES if source.recognises(request.source))


def _is_mnist(source: str) -> bool:
    return same_name(source) == "mnist" and "/" not in source


def _is_folder(source: str) -> bool:
    return Path(source).expanduser().is_dir() or "/" in source or os.sep in source


def _load_mnist(split: Split, request: Request) -> ImageStore:
    return _packaged(split, request.memory_limit_gb)


@lru_cache(maxsize=2)
def _packaged(split: Split, memory_limit_gb: float) -> Images:
    # Kept for the life of the process: trials forked from it share the memory.
    return load_pair(MNIST_FOLDER, split, memory_limit_gb)


def _load_folder(split: Split, request: Request) -> ImageStore:
    folder = Path(request.source).expanduser()
    if not folder.is_dir():
        raise DataError(f"source={str(folder)!r}: there is no such folder (from {Path.cwd()})")
    if any(find_pair(folder, known) for known in NAMES):
        return load_pair(folder, split, request.memory_limit_gb)
    return load_folder(folder, split, request)


def _load_named(split: Split, request: Request) -> ImageStore:
    # It loads torchvision, which takes longer than Lightning and which most studies do without.
    from hpsearch.data.sources.named import load_named

    return load_named(split, request)


# The first that recognises a request's source loads it.
SOURCES = (
    Source(_is_mnist, _load_mnist),
    Source(is_pixel_csv, load_pixel_csv),
    Source(_is_folder, _load_folder),
    Source(lambda name: True, _load_named, is_local=False),
)
_preloaded: dict[Request, ImageStore] = {}
