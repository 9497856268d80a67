"""Pixels to network inputs: mean 0 and standard deviation 1 in each channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor

from hpsearch.data.images import ImageStore
from hpsearch.data.order import IntArray

_CHUNK = 500
_MOST_IMAGES = 5000  # enough for three digits, and few enough to decode from files


@final
@dataclass(frozen=True)
class Normalise:
    """Subtracts each channel's mean and divides by its standard deviation.

    Attributes:
        mean: per channel, of pixels from 0 to 1.
        deviation: per channel, above 0.
    """

    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    def __call__(self, images: Tensor) -> Tensor:
        """Returns normalised images.

        Args:
            images: float in 0 to 1, `(B, C, H, W)`; may be changed in place.
        """
        return self._applied(images, 1.0)

    def pixels(self, images: Tensor) -> Tensor:
        """Returns normalised images, made of bytes in one go.

        Args:
            images: uint8, `(B, C, H, W)`.
        """
        return self._applied(images.float(), 255.0)

    def _applied(self, images: Tensor, white: float) -> Tensor:
        # Multiplied, not divided: the processor is three times as fast.
        mean = [white * mean for mean in self.mean]
        factor = [1 / (white * deviation) for deviation in self.deviation]
        if len(mean) == 1:  # as numbers: a small batch takes no longer than two tensors
            return images.sub_(mean[0]).mul_(factor[0])
        return images.sub_(_per_channel(images, mean)).mul_(_per_channel(images, factor))


def _per_channel(images: Tensor, values: Sequence[float]) -> Tensor:
    return images.new_tensor(values).view(-1, 1, 1)


def measure(images: ImageStore, index: IntArray) -> Normalise:
    """Measures the pixels of some images, of at most 5,000 spread evenly among them.

    Sums are of integers, hence exact: the result is the same on every machine.

    Args:
        images: where the pixels come from.
        index: which of its images.
    """
    channels, height, width = images.shape
    sample = index[:: -(-len(index) // _MOST_IMAGES)]
    total = np.zeros(channels, np.int64)
    squares = np.zeros(channels, np.int64)
    for start in range(0, len(sample), _CHUNK):
        chunk, _ = images.take(torch.from_numpy(sample[start : start + _CHUNK]))
        values = chunk.numpy().astype(np.int32)
        total += values.sum(axis=(0, 2, 3), dtype=np.int64)
        squares += np.square(values).sum(axis=(0, 2, 3), dtype=np.int64)
    count = len(sample) * height * width
    mean = total / count
    deviation = np.sqrt(np.maximum(squares / count - mean**2, 1.0))
    return Normalise(tuple((mean / 255).tolist()), tuple((deviation / 255).tolist()))
