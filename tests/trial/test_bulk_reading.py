"""A user's own loader reads whole batches with the same numbers, or reads as before."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from functools import partial
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, Subset, TensorDataset, WeightedRandomSampler
from torchvision import transforms
from torchvision.datasets import CIFAR10, MNIST

from hpsearch.trial.speedups import bulk_reading
from hpsearch.trial.speedups.bulk_reading import read_in_bulk

ROWS = 23
GENERATOR = np.random.default_rng(0)
LABELS = torch.arange(ROWS) % 3
TO_TENSOR, NORMALISE = transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))
MOVING = [transforms.RandomAffine(20, translate=(0.1, 0.1)), transforms.RandomHorizontalFlip()]


class Grey(MNIST):
    """Pictures as torchvision's MNIST holds them, without its files."""

    def __init__(self, *steps: Any, target_transform: Any = None, labels: Any = LABELS) -> None:
        self.data = torch.from_numpy(GENERATOR.integers(0, 256, (ROWS, 8, 8), np.uint8))
        self.targets = labels
        self.transform = transforms.Compose(steps) if len(steps) != 1 else steps[0]
        self.target_transform = target_transform


class Colour(CIFAR10):
    """Pictures as torchvision's CIFAR holds them."""

    def __init__(self, *steps: Any, labels: Any = LABELS) -> None:
        self.data = GENERATOR.integers(0, 256, (ROWS, 8, 8, 3), np.uint8)
        self.targets = labels.tolist()
        self.transform, self.target_transform = transforms.Compose(steps), None


class Own(Grey):
    def __getitem__(self, index: int) -> Any:
        return super().__getitem__(index)


class Data(pl.LightningDataModule):
    def __init__(self, dataset: Any, **arguments: Any) -> None:
        super().__init__()
        self.dataset, self.arguments = dataset, {"batch_size": 5, "shuffle": True, **arguments}

    def train_dataloader(self) -> Any:
        return {"only": DataLoader(self.dataset, **self.arguments)}


def tensors(*others: torch.Tensor) -> TensorDataset:
    return TensorDataset(torch.linspace(0, 1, ROWS * 6).view(ROWS, 2, 3), LABELS, *others)


Make = Callable[[], Data]
AT_ONCE: dict[str, Make] = {
    "tensors": lambda: Data(tensors(torch.ones(ROWS, dtype=torch.bool))),
    "in order, without the last": lambda: Data(tensors(), shuffle=False, drop_last=True),
    "a subset": lambda: Data(Subset(tensors(), range(3, 20))),
    "a subset of a subset": lambda: Data(
        Subset(Subset(Grey(TO_TENSOR), range(20, 2, -2)), [7, 0, 3])
    ),
    "its own sampler": lambda: Data(
        tensors(), shuffle=False, sampler=WeightedRandomSampler([1.0, 2.0] * 10, 30)
    ),
    "pictures": lambda: Data(Grey(TO_TENSOR)),
    "normalised": lambda: Data(Grey(TO_TENSOR, NORMALISE)),
    "moved": lambda: Data(Grey(*MOVING, TO_TENSOR, NORMALISE)),
    "of several sizes": lambda: Data(Grey(transforms.Lambda(grown), TO_TENSOR), batch_size=1),
    "of other numbers": lambda: Data(Grey(transforms.Lambda(lambda p: p.convert("I")), TO_TENSOR)),
    "in colour": lambda: Data(Colour(TO_TENSOR, transforms.Normalize((0.5, 0.4, 0.3), (0.2,) * 3))),
    "in colour, cropped": lambda: Data(Colour(transforms.RandomCrop(6, 2), *MOVING, TO_TENSOR)),
}


def grown(picture: Any) -> Any:
    return picture.resize((int(torch.randint(4, 9, ())), 4))


def batches(data: Data) -> tuple[list[Any], torch.Tensor]:
    """Returns the batches of two epochs, and where the random numbers are afterwards."""
    torch.manual_seed(0)
    loader = data.train_dataloader()["only"]
    return [*loader, *loader], torch.get_rng_state()


@pytest.mark.parametrize("name", AT_ONCE)
def test_batches_that_are_read_at_once_are_the_same(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = AT_ONCE[name]()
    wanted, wanted_state = batches(data)
    monkeypatch.setattr(bulk_reading, "_fetch", partial(never_singly, bulk_reading._fetch))
    read_in_bulk(data)
    found, state = batches(data)

    assert torch.equal(state, wanted_state)
    for one, other in zip(found, wanted, strict=True):
        assert type(one) is type(other)
        for part, wish in zip(one, other, strict=True):
            assert (part.dtype, part.stride()) == (wish.dtype, wish.stride())
            assert torch.equal(part, wish)


def never_singly(fetch: Any, loader: Any, _: Any) -> Any:
    return fetch(loader, None)


def collated(samples: list[Any]) -> Any:
    return torch.utils.data.default_collate(samples)


AS_BEFORE: dict[str, Make] = {
    "a dataset of the user's own": lambda: Data(Own(TO_TENSOR)),
    "another collate_fn": lambda: Data(tensors(), collate_fn=collated),
    "single samples": lambda: Data(tensors(), batch_size=None),
    "gradients": lambda: Data(tensors(torch.ones(ROWS, requires_grad=True))),
    "counted from the end": lambda: Data(Subset(tensors(), [-1, -2])),
    "by name": lambda: Data(Subset({"a": 1, "b": 2}, ["a", "b"])),
    "labels in a list": lambda: Data(Grey(TO_TENSOR, labels=LABELS.tolist())),
    "labels below 0": lambda: Data(Colour(TO_TENSOR, labels=LABELS - 1)),
    "other targets": lambda: Data(Grey(TO_TENSOR, target_transform=str)),
    "a transform after ToTensor": lambda: Data(Grey(TO_TENSOR, transforms.RandomErasing())),
    "another transform": lambda: Data(Grey(transforms.PILToTensor())),
}


@pytest.mark.parametrize("name", AS_BEFORE)
def test_what_is_not_known_is_read_sample_by_sample(name: str) -> None:
    loader = AS_BEFORE[name]().train_dataloader()["only"]
    singly = print
    assert bulk_reading._fetch(loader, singly) is singly


def test_a_batch_of_pairs_is_left_to_the_dataset() -> None:
    loader = DataLoader(tensors(), batch_sampler=[[(0, 1)]])
    assert bulk_reading._fetch(loader, len)([(0, 1), (2, 3)]) == 2


def test_a_copy_of_a_loader_reads_in_its_own_order() -> None:
    generator = torch.Generator().manual_seed(1)
    data = Data(tensors(), shuffle=True, generator=generator)
    read_in_bulk(data)
    loader = data.train_dataloader()["only"]
    copied = deepcopy(loader)
    first = [batch[0].tolist() for batch in loader]
    assert first == [batch[0].tolist() for batch in copied] != [b[0].tolist() for b in loader]
