"""Datasets by name: found on this machine, or downloaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from filelock import FileLock

from hpsearch.data.images import ImageStore
from hpsearch.data.sources.idx import find_pair, load_pair
from hpsearch.data.sources.places import cache_folder, places, same_name
from hpsearch.data.sources.request import Request, Split
from hpsearch.data.sources.torchvision_sets import (
    NOT_THERE,
    as_images,
    files_wanted,
    find_class,
    has_idx_files,
    open_dataset,
)
from hpsearch.errors import DataError


def load_named(split: Split, request: Request) -> ImageStore:
    """Loads a torchvision dataset from the first folder that has it, or downloads it.

    Raises:
        DataError: there is no such dataset, or it was not found.
    """
    dataset = find_class(request.source)
    limit = request.memory_limit_gb
    if request.data_dir and has_idx_files(dataset):
        # MNIST and datasets like it have files of the same names. Outside a folder of their own
        # they count as this dataset only if the user named the folder for it.
        folder = Path(request.data_dir).expanduser()
        if find_pair(folder, split):
            return load_pair(folder, split, limit, dataset.classes)
    for place in places(request.data_dir):
        found = _find(dataset, split, place, request)
        if found is not None:
            return found
    return _download(dataset, split, request)


def _find(dataset: Any, split: Split, place: Path, request: Request) -> ImageStore | None:
    """Returns the dataset if it is in that folder, as bare IDX files or in torchvision's layout."""
    if not place.is_dir():
        return None
    if has_idx_files(dataset):
        wanted = same_name(dataset.__name__)
        named = [path for path in sorted(place.iterdir()) if same_name(path.name) == wanted]
        for folder in (below for path in named for below in (path / "raw", path)):
            if find_pair(folder, split):
                return load_pair(folder, split, request.memory_limit_gb, dataset.classes)
    try:
        opened = open_dataset(dataset, split, place, download=False)
    except NOT_THERE:
        return None
    return as_images(opened, request.image_size, request.memory_limit_gb)


def _download(dataset: Any, split: Split, request: Request) -> ImageStore:
    target = Path(request.data_dir).expanduser() if request.data_dir else cache_folder()
    try:
        target.mkdir(parents=True, exist_ok=True)
        # Trials start together; one downloads, the others wait for it and find the files.
        with FileLock(target / f"{dataset.__name__}.lock"):
            opened = open_dataset(dataset, split, target, download=True)
    except NOT_THERE as error:
        looked = "".join(f"\n    {place.resolve()}" for place in places(request.data_dir))
        wanted = "".join(f"\n    {file}" for file in files_wanted(dataset))
        raise DataError(
            f"source={dataset.__name__!r} is not on this machine and could not be downloaded "
            f"({_last_line(error)}).\n  Files wanted:{wanted}\n  Looked in:{looked}\n"
            "  Put the files into one of these folders, or name theirs with data_dir or "
            "$HPSEARCH_DATA."
        ) from error
    return as_images(opened, request.image_size, request.memory_limit_gb)


def _last_line(error: Exception) -> str:
    """Returns the cause, which is the last line of torchvision's list of attempts."""
    lines = str(error).strip().splitlines()
    return lines[-1] if lines else type(error).__name__
