"""Batches read as a whole, by index, in an order that the seed and the epoch decide."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, final

import torch
from torch import Tensor

from hpsearch.data.images import ImageStore
from hpsearch.data.order import IntArray, permutation, spawn_seeds

_AUGMENTATION = 1  # keeps its seeds apart from that of the order
_BYTES_AT_ONCE = 2**20  # read at a time for several small batches: fits a core's cache


class Batch(NamedTuple):
    """What a loader yields.

    Attributes:
        images: uint8, `(B, C, H, W)`.
        labels: int64, `(B,)`.
        seed: decides the batch's augmentation; None if nothing is augmented.
        part: which part of a batch that several processes share, and how many images the whole
            batch has; None for the whole.
    """

    images: Tensor
    labels: Tensor
    seed: int | None
    part: tuple[slice, int] | None = None


@dataclass(frozen=True)
class Share:
    """One process's share of every batch: as many images as the others, or one more.

    Attributes:
        rank: of the process, from 0.
        of: how many processes there are.
    """

    rank: int = 0
    of: int = 1

    def of_batch(self, images: int) -> slice:
        """Returns its part of a batch of this size."""
        return slice(self.rank * images // self.of, (self.rank + 1) * images // self.of)


WHOLE = Share()


@final
class EpochOrder:
    """The order of the images in an epoch: a pure function of the seed and the epoch.

    Lightning calls `set_epoch` on a loader's `sampler` before each epoch's first batch.
    """

    def __init__(self, index: IntArray, seed: int) -> None:
        self._index = index
        self._seed = seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Sets the epoch, counted from 0."""
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._index)

    def index(self) -> IntArray:
        """Returns the images' indices in this epoch's order."""
        return self._index[permutation(len(self._index), self._seed, self._epoch)]

    def batch_seeds(self, count: int) -> list[int]:
        """Returns a seed for each of this epoch's batches, for its augmentation."""
        return spawn_seeds(count, self._seed, self._epoch, _AUGMENTATION)


@final
class TrainingBatches:
    """The training images of an epoch, shuffled, in batches.

    Args:
        images: where the pixels come from.
        index: which of these images.
        batch_size: images in a batch; the last one may be shorter.
        seed: decides the order and, with it, each batch's augmentation.
        share: what this process takes of each batch. A last batch with fewer images than processes
            is left out.
    """

    def __init__(
        self,
        images: ImageStore,
        index: IntArray,
        batch_size: int,
        seed: int,
        share: Share = WHOLE,
    ) -> None:
        self.sampler = EpochOrder(index, seed)
        self._images = images
        self._batch_size = batch_size
        self._share = share

    def __len__(self) -> int:
        whole, rest = divmod(len(self.sampler), self._batch_size)
        return whole + (rest >= self._share.of)

    def __iter__(self) -> Iterator[Batch]:
        # A generator, on purpose: Lightning makes the first iterator before it sets the epoch,
        # and a generator's first line runs when the first batch is taken.
        seeds = iter(self.sampler.batch_seeds(len(self)))
        if self._share != WHOLE:
            yield from self._parts(seeds)
            return
        for chosen in torch.split(torch.from_numpy(self.sampler.index()), self._images_at_once()):
            parts = (torch.split(part, self._batch_size) for part in self._images.take(chosen))
            for images, labels in zip(*parts, strict=True):
                yield Batch(images, labels, next(seeds))

    def _parts(self, seeds: Iterator[int]) -> Iterator[Batch]:
        order = torch.from_numpy(self.sampler.index())
        for chosen, seed in zip(torch.split(order, self._batch_size), seeds, strict=False):
            part = self._share.of_batch(len(chosen))
            yield Batch(*self._images.take(chosen[part]), seed, (part, len(chosen)))

    def _images_at_once(self) -> int:
        batch_bytes = self._batch_size * math.prod(self._images.shape)
        return self._batch_size * max(1, _BYTES_AT_ONCE // batch_bytes)


@final
class EvaluationBatches:
    """Images in their own order, in batches, for evaluation.

    Args:
        images: where the pixels come from.
        index: which of these images.
        batch_size: images in a batch; the last one may be shorter.
        share: what this process takes of all of them.
    """

    def __init__(
        self, images: ImageStore, index: IntArray, batch_size: int, share: Share = WHOLE
    ) -> None:
        self._images = images
        self._index = torch.from_numpy(index[share.of_batch(len(index))])
        self._batch_size = batch_size

    def __len__(self) -> int:
        return math.ceil(len(self._index) / self._batch_size)

    def __iter__(self) -> Iterator[Batch]:
        for chosen in torch.split(self._index, self._batch_size):
            yield Batch(*self._images.take(chosen), None)
