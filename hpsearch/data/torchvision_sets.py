"""torchvision's classification datasets by name, from its own folder layout."""

from __future__ import annotations

import difflib
import inspect
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torchvision import datasets

from hpsearch.data.images import Images, ImageStore
from hpsearch.data.memory import require_memory
from hpsearch.data.pictures import Pictures, channels_of, hold, some
from hpsearch.errors import DataError

# What torchvision raises where a dataset is not on disk, or is only in part.
NOT_THERE = (RuntimeError, OSError)


def find_class(name: str) -> Any:
    """Returns the torchvision dataset with a name, in any case.

    Raises:
        DataError: there is none with a training and a test split.
    """
    usable = {
        known.lower(): getattr(datasets, known)
        for known in datasets.__all__
        if _split_argument(getattr(datasets, known), "train")
    }
    if name.lower() in usable:
        return usable[name.lower()]
    near = difflib.get_close_matches(name.lower(), usable, n=1)
    hint = f"did you mean {usable[near[0]].__name__}? " if near else ""
    raise DataError(
        f"source={name!r}: {hint}A source is mnist, a torchvision dataset with a training and a "
        "test split such as FashionMNIST or CIFAR10, or a folder (written with a / in it)"
    )


def has_idx_files(dataset: Any) -> bool:
    """Whether the dataset comes as MNIST's four files, under the same names."""
    return dataset in (datasets.MNIST, datasets.FashionMNIST, datasets.KMNIST)


def files_wanted(dataset: Any) -> list[str]:
    """Returns the files, below a data folder, that torchvision looks for."""
    name = dataset.__name__
    if issubclass(dataset, datasets.MNIST):
        return [f"{name}/raw/{Path(file).stem}[.gz]" for file, _ in dataset.resources]
    if split_list := getattr(dataset, "split_list", None):
        return [split_list[split][1] for split in ("train", "test")]
    if base := getattr(dataset, "base_folder", None):
        return [f"{base}/ (from {getattr(dataset, 'filename', 'its archive')})"]
    return [f"the files of torchvision.datasets.{name}, as torchvision lays them out"]


def open_dataset(dataset: Any, split: str, place: Path, download: bool) -> Any:
    """Opens a dataset in a folder.

    Raises:
        RuntimeError, OSError: it is not there and was not, or could not be, downloaded.
        DataError: it cannot be opened without arguments that a study file cannot give.
    """
    try:
        offered = {"download": True} if download and _has(dataset, "download") else {}
        return dataset(root=str(place), **_split_argument(dataset, split), **offered)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"torchvision.datasets.{dataset.__name__} cannot be used by its name alone ({error}); "
            "give a DataModule of your own as data.class_path"
        ) from error


def as_images(opened: Any, image_size: int | None, memory_limit_gb: float) -> ImageStore:
    """Returns an opened dataset's images: held as they are, or decoded from its files.

    Raises:
        DataError: they exceed the memory limit, need an `image_size`, or are not labelled with
            one class each.
    """
    name = type(opened).__name__
    labels = _labels(opened, name)
    classes = _class_names(opened, int(labels.max()) + 1)
    if not hasattr(opened, "data"):
        if image_size is None:
            raise DataError(f"{name}: its pictures differ in size; give image_size, in pixels")
        channels = channels_of(opened[number][0] for number in some(len(opened)))
        pictures = Pictures(lambda n: opened[n][0], labels, classes, image_size, channels)
        return hold(pictures, memory_limit_gb)
    pixels = np.asarray(opened.data)
    if pixels.ndim == 3:
        pixels = pixels[:, np.newaxis]
    elif pixels.shape[-1] in (1, 3):
        pixels = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
    require_memory(name, len(pixels), pixels.shape[1:], memory_limit_gb)
    return Images(torch.from_numpy(pixels), labels, classes)


def _labels(opened: Any, name: str) -> torch.Tensor:
    for attribute in ("targets", "labels", "_labels"):
        found = getattr(opened, attribute, None)
        if found is not None:
            break
    else:
        found = [opened[number][1] for number in range(len(opened))]
    labels = np.asarray(found)
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise DataError(f"{name}: not a classification dataset, with one whole number an image")
    return torch.from_numpy(labels.astype(np.int64))


def _class_names(opened: Any, count: int) -> tuple[str, ...]:
    names = tuple(str(name) for name in getattr(opened, "classes", ()))
    return names if len(names) >= count else tuple(str(number) for number in range(count))


def _split_argument(dataset: Any, split: str) -> dict[str, Any]:
    if not inspect.isclass(dataset):
        return {}
    if _has(dataset, "train"):
        return {"train": split == "train"}
    return {"split": split} if _has(dataset, "split") else {}


def _has(dataset: Any, argument: str) -> bool:
    return argument in inspect.signature(dataset.__init__).parameters
