"""torchvision's classification datasets by name, from its own folder layout."""

from __future__ import annotations

import difflib
import inspect
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torchvision import datasets

from hpsearch.data.decode import is_grey
from hpsearch.data.images import Images, ImageStore
from hpsearch.data.pictures import Pictures
from hpsearch.data.sources.labels import checked_labels
from hpsearch.data.sources.memory import fits, require_memory
from hpsearch.data.sources.places import same_name
from hpsearch.errors import DataError

# What torchvision raises if a dataset is not, or not completely, on disk.
NOT_THERE = (RuntimeError, OSError)
_LOOKED_AT = 32


def find_class(name: str) -> Any:
    """Returns the torchvision dataset with a name, in any case and with any separators.

    Raises:
        DataError: there is none with a training and a test split.
    """
    usable = {
        same_name(known): getattr(datasets, known)
        for known in datasets.__all__
        if _split_argument(getattr(datasets, known), "train")
    }
    wanted = same_name(name)
    if wanted in usable:
        return usable[wanted]
    near = difflib.get_close_matches(wanted, usable, n=1)
    hint = f"did you mean {usable[near[0]].__name__}? " if near else ""
    raise DataError(
        f"source={name!r}: {hint}A source is mnist, a torchvision dataset with a training and a "
        "test split such as FashionMNIST or CIFAR10, a CSV file of pixels, or a folder (written "
        "with a / in it)"
    )


def has_idx_files(dataset: Any) -> bool:
    """Returns whether the dataset consists of four files with MNIST's names."""
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
        DataError: it needs arguments that a study file cannot give.
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
    """Returns an opened dataset's images: from memory, or decoded from its files.

    Raises:
        DataError: they exceed the memory limit, need an `image_size`, or are not labelled with
            one class each.
    """
    name = type(opened).__name__
    numbers = _labels(opened, name)
    labels, classes = checked_labels(numbers, name, _class_names(opened, numbers))
    if not hasattr(opened, "data"):
        return _pictures(opened, labels, classes, image_size, memory_limit_gb)
    pixels = np.asarray(opened.data)
    if pixels.ndim == 3:
        pixels = pixels[:, np.newaxis]
    elif pixels.shape[-1] in (1, 3):
        pixels = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
    require_memory(name, len(pixels), pixels.shape[1:], memory_limit_gb)
    return Images(torch.from_numpy(pixels), labels, classes)


def _pictures(
    opened: Any,
    labels: torch.Tensor,
    classes: tuple[str, ...],
    size: int | None,
    memory_limit_gb: float,
) -> ImageStore:
    """Returns pictures that are opened one by one, or decoded at once if they fit into memory."""
    count = len(opened)
    if size is None:
        raise DataError(f"{type(opened).__name__}: its pictures differ in size; give image_size")
    looked_at = range(0, count, -(-count // _LOOKED_AT))
    channels = 1 if all(is_grey(opened[number][0]) for number in looked_at) else 3
    pictures = Pictures(lambda number: opened[number][0], labels, classes, size, channels)
    if not fits(count, pictures.shape, memory_limit_gb):
        return pictures
    pixels, labels = pictures.take(torch.arange(count))
    return Images(pixels, labels, classes)


def _labels(opened: Any, name: str) -> npt.NDArray[Any]:
    for attribute in ("targets", "labels", "_labels"):
        found = getattr(opened, attribute, None)
        if found is not None:
            break
    else:
        found = [opened[number][1] for number in range(len(opened))]
    labels = np.asarray(found)
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise DataError(f"{name}: not a classification dataset, with one whole number per image")
    return labels


def _class_names(opened: Any, labels: npt.NDArray[Any]) -> tuple[str, ...]:
    names = tuple(str(name) for name in getattr(opened, "classes", ()))
    return names if len(names) > labels.max() else ()


def _split_argument(dataset: Any, split: str) -> dict[str, Any]:
    if not inspect.isclass(dataset):
        return {}
    if _has(dataset, "train"):
        return {"train": split == "train"}
    return {"split": split} if _has(dataset, "split") else {}


def _has(dataset: Any, argument: str) -> bool:
    return argument in inspect.signature(dataset.__init__).parameters
