"""Pixels to network inputs: mean 0 and standard deviation 1 in each channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
import torch
from torch import Tensor

from hpsearch.data.images import ImageStore
from hpsearch.data.order import IntArray

_CHUNK = 500
_MOST_IMAGES = 5000  # enough for three digits, few enough to decode from files


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
        """Returns normalised images, float `(B, C, H, W)`.

        Args:
            images: uint8, or float in 0 to 255, `(B, C, H, W)`.
        """
        pixels = images.float()
        factor, offset = self._line
        if len(factor) == 1:  # with numbers, one pass is enough
            # In place where the numbers are our own: a small network's batch stays in the cache.
            own = None if pixels is images else pixels
            return torch.add(offset, pixels, alpha=factor[0], out=own)
        return pixels.mul(_per_channel(pixels, factor)).add_(_per_channel(pixels, offset))

    @cached_property
    def _line(self) -> tuple[list[float], Tensor]:
        offset = [
            -mean / deviation for mean, deviation in zip(self.mean, self.deviation, strict=True)
        ]
        # A single offset is a number to torch, which may be added on any device.
        factor = [1 / (255 * deviation) for deviation in self.deviation]
        return factor, torch.tensor(offset).squeeze()


def _per_channel(images: Tensor, values: Sequence[float] | Tensor) -> Tensor:
    return torch.as_tensor(values, dtype=images.dtype, device=images.device).view(-1, 1, 1)


def measure(images: ImageStore, index: IntArray) -> Normalise:
    """Measures the pixels of some images: at most 5,000, spread evenly among them.

    Sums of integers are exact, so the result is the same on every machine.

    Args:
        images: where the pixels come from.
        index: which of these images.
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
