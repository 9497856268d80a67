"""What of torch's DataLoader is not its public interface: what reads the samples of a batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

from torch.utils.data import DataLoader

# Returns the batch of samples at an index, as the loader's `collate_fn` would.
Fetch = Callable[[Sequence[int]], Any]


def fetch_by(loader: DataLoader[Any], replace: Callable[[Fetch], Fetch]) -> None:
    """Has a loader without workers read its batches otherwise; once is enough.

    Args:
        loader: yields whole batches; what decides their order stays.
        replace: called whenever the loader is read from its beginning, with what it reads batches
            by; returns what it should read them by.
    """
    if "_get_iterator" in vars(loader):
        return
    begin: Callable[[], Any] = loader._get_iterator

    def begin_replaced() -> Any:
        iterator = begin()
        iterator._dataset_fetcher = SimpleNamespace(fetch=replace(iterator._dataset_fetcher.fetch))
        return iterator

    loader._get_iterator = begin_replaced  # type: ignore[method-assign]
