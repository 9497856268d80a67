"""Makes a user's own loader read whole batches if that gives the same: most datasets in memory.

torch's DataLoader asks a dataset for one sample after the other and stacks them. For small images
that takes longer than a small network's step, and most of it is not what the study's author wrote:
a picture object for each row of MNIST, a tensor for each picture, a stack of all tensors.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Subset, TensorDataset, default_collate

from hpsearch.internals.lightning import Fetch, fetch_by, leaves
from hpsearch.trial.speedups.overrides import overrides

# Takes the samples at an index as one batch.
Take = Callable[[Tensor], list[Tensor]]

LOADERS = ("train_dataloader", "val_dataloader", "test_dataloader", "predict_dataloader")


def read_in_bulk(owner: Any) -> None:
    """Makes the loaders of a data module, or of a module with its own, read whole batches.

    Batches and random numbers are the same, bit for bit. Anything else is read as before: the
    user's own datasets, transforms and `collate_fn`, and loaders with workers.
    """
    for name in LOADERS:
        if overrides(owner, name):
            method = getattr(owner, name)
            call = functools.update_wrapper(functools.partial(_prepared, method), method)
            # On the object, not in a subclass: it keeps the class that the user wrote.
            object.__setattr__(owner, name, call)


def _prepared(method: Callable[..., Any], /, *args: Any, **named: Any) -> Any:
    loaders = method(*args, **named)
    for loader in leaves(loaders):
        if type(loader) is DataLoader and not loader.num_workers:
            fetch_by(loader, functools.partial(_fetch, loader))
    return loaders


def _fetch(loader: DataLoader[Any], singly: Fetch) -> Fetch:
    """Returns what reads the loader's batches at once; `singly` if nothing is known to."""
    if loader.batch_sampler is None or loader.collate_fn is not default_collate:
        return singly
    dataset: Any = loader.dataset
    subsets: list[Tensor] = []
    while type(dataset) is Subset:
        rows = _index(dataset.indices)
        if rows is None:
            return singly
        subsets.append(rows)
        dataset = dataset.dataset
    take = _tensors(dataset) or _pictures(dataset)
    if take is None:
        return singly

    def fetch(batch: Sequence[Any]) -> Any:
        index = _index(batch)
        if index is None:
            return singly(batch)
        for rows in subsets:
            index = rows[index]
        return take(index)

    return fetch


def _index(rows: Any) -> Tensor | None:
    """Returns row numbers from 0, int64 `(B,)`; None for any other kind of index."""
    try:
        index = torch.as_tensor(rows)
    except (TypeError, ValueError, RuntimeError):
        return None
    counted = index.dtype is torch.int64 and index.ndim == 1 and len(index) > 0
    return index if counted and int(index.min()) >= 0 else None


def _tensors(dataset: Any) -> Take | None:
    """Returns what takes rows of a dataset of tensors; None for another one."""
    if type(dataset) is not TensorDataset:
        return None
    parts = dataset.tensors
    if not all(_is_plain(part) for part in parts):
        return None
    return lambda index: [part.index_select(0, index) for part in parts]


def _pictures(dataset: Any) -> Take | None:
    """Returns what takes rows of torchvision's MNIST and the like, or CIFAR; None for another.

    Its transform must end with `ToTensor`, and after it `Normalize` alone. What comes before it is
    called for one picture after the other, as it always is: it may draw random numbers.
    """
    held = _held(dataset)
    steps = _steps(getattr(dataset, "transform", None))
    if held is None or steps is None or dataset.target_transform is not None:
        return None
    pixels, labels = held
    moving, to_tensor, normalising = steps

    def take(index: Tensor) -> list[Tensor]:
        images = pixels.index_select(0, index)
        images = _moved(images, moving, to_tensor) if moving else _scaled(images)
        for normalise in normalising:
            images = normalise(images)
        return [images, labels.index_select(0, index)]

    return take


def _held(dataset: Any) -> tuple[Tensor, Tensor] | None:
    """Returns the pixels, uint8 `(N, H, W)` or `(N, H, W, 3)`, and labels, int64 `(N,)`."""
    reads = getattr(type(dataset), "__getitem__", None)
    mnist, cifar = (sys.modules.get(f"torchvision.datasets.{name}") for name in ("mnist", "cifar"))
    if mnist and reads is mnist.MNIST.__getitem__:
        pixels, labels = dataset.data, dataset.targets
    elif cifar and reads is cifar.CIFAR10.__getitem__ and isinstance(dataset.data, np.ndarray):
        pixels, labels = torch.from_numpy(dataset.data), _index(dataset.targets)
    else:
        return None
    if not (_is_plain(pixels) and _is_plain(labels)):
        return None
    kinds = (pixels.dtype, labels.dtype, labels.ndim)
    known = kinds == (torch.uint8, torch.int64, 1) and pixels.ndim in (3, 4)
    return (pixels, labels) if known else None


def _steps(transform: Any) -> tuple[list[Any], Any, list[Any]] | None:
    """Returns what is before `ToTensor`, this, and what is after it; None for other transforms."""
    known = sys.modules.get("torchvision.transforms.transforms")
    if known is None:
        return None
    steps = [*transform.transforms] if type(transform) is known.Compose else [transform]
    place = next((at for at, step in enumerate(steps) if type(step) is known.ToTensor), None)
    if place is None or any(type(step) is not known.Normalize for step in steps[place + 1 :]):
        return None
    return steps[:place], steps[place], steps[place + 1 :]


def _moved(images: Tensor, moving: Sequence[Any], to_tensor: Callable[[Any], Tensor]) -> Tensor:
    """Returns the images, moved one by one, then converted together if they have one size."""
    from PIL import Image

    pictures = []
    for row in images.numpy():
        picture: Any = Image.fromarray(row)
        for move in moving:
            picture = move(picture)
        pictures.append(picture)
    kinds = {(getattr(each, "mode", ""), getattr(each, "size", ())) for each in pictures}
    mode, size = kinds.pop()
    if kinds or mode not in ("L", "RGB"):
        return torch.stack([to_tensor(each) for each in pictures])
    content = bytearray(b"".join(each.tobytes() for each in pictures))
    colours = (3,) if mode == "RGB" else ()
    shape = len(pictures), *reversed(size), *colours
    return _scaled(torch.frombuffer(content, dtype=torch.uint8).view(shape))


def _scaled(images: Tensor) -> Tensor:
    """Returns what `ToTensor` makes of pictures, uint8 `(B, H, W)` or `(B, H, W, 3)`."""
    images = images.unsqueeze(1) if images.ndim == 3 else images.permute(0, 3, 1, 2).contiguous()
    return images.to(torch.get_default_dtype()).div(255)


def _is_plain(tensor: Any) -> bool:
    return (
        type(tensor) is Tensor
        and (tensor.device.type, tensor.layout) == ("cpu", torch.strided)
        and tensor.is_contiguous()
        and not tensor.requires_grad
    )
