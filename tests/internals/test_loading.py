"""What hpsearch uses of torch's DataLoader that is private, and whether it still has it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from private_names import Private, private_names
from torch.utils.data import DataLoader, TensorDataset

import hpsearch.internals as internals
from hpsearch.internals.loading import fetch_by


def reads_otherwise() -> bool:
    """Returns whether a loader reads by what it was given, again and again, in its own order."""
    loader = DataLoader(TensorDataset(torch.arange(4)), batch_size=2)
    for _ in range(2):
        fetch_by(loader, lambda fetch: lambda index: (index, fetch(index)[0].tolist()))
    return [*loader] == [*loader] == [([0, 1], [0, 1]), ([2, 3], [2, 3])]


NAMES = [
    Private(name, "to read a batch at once", reads_otherwise)
    for name in ("_get_iterator", "_dataset_fetcher")
]


@pytest.mark.parametrize("private", NAMES, ids=lambda private: private.name)
def test_what_is_private_of_the_loader_is_as_it_was(private: Private) -> None:
    private.check("torch", "loading.py")


def test_every_private_name_is_listed() -> None:
    file = Path(internals.__file__).with_name("loading.py")
    assert private_names(file.read_text(encoding="utf-8")) == {each.name for each in NAMES}
