"""Pictures of any size, decoded to one size on request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from hpsearch.data.decode import decode
from hpsearch.data.images import fingerprint_of

_SAMPLED = 256


@final
@dataclass(frozen=True)
class Pictures:
    """Labelled pictures that are read and decoded at every use.

    Attributes:
        read: returns the picture with a number; called again at every use.
        labels: int64, `(N,)`.
        classes: the classes' names; `labels` are indices into them.
        size: height and width, in pixels, to which each is scaled and cropped around its centre.
        channels: 1 for grey, 3 for red, green, blue.
        held_out: how many of the last pictures the source itself sets apart for validation.
        files: what identifies the pictures' files without decoding them: names and sizes.
    """

    read: Callable[[int], Image.Image]
    labels: Tensor
    classes: tuple[str, ...]
    size: int
    channels: int
    held_out: int = 0
    files: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, int, int]:
        """`(C, H, W)` of every image, once decoded."""
        return self.channels, self.size, self.size

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the labels, the names, and the pixels of 256 pictures spread evenly."""
        count = len(self.labels)
        sample = torch.arange(0, count, max(1, -(-count // _SAMPLED)))
        return fingerprint_of((*self.classes, *self.files), self.labels, self.take(sample)[0])

    def take(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the images, uint8 `(B, C, H, W)`, and labels, int64 `(B,)`, at an index."""
        numbers = index.tolist()
        pixels = np.empty((len(numbers), *self.shape), np.uint8)
        for place, number in enumerate(numbers):
            pixels[place] = decode(self.read(number), self.shape)
        return torch.from_numpy(pixels), torch.index_select(self.labels, 0, index)
