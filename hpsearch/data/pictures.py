"""Picture files of any size, decoded to one size when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from hpsearch.data.images import Images, ImageStore
from hpsearch.data.memory import fits

GREY_MODES = {"1", "L", "LA"}
_LOOKED_AT = 32

Pixels = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]


@final
@dataclass(frozen=True)
class Pictures:
    """Labelled pictures that are read and decoded at every use.

    Attributes:
        read: returns the picture with a number; called again at every use.
        labels: int64, `(N,)`.
        classes: the classes' names; `labels` count into them.
        size: height and width, in pixels, to which each is scaled and cut about its centre.
        channels: 1 for grey, 3 for red, green, blue.
    """

    read: Callable[[int], Image.Image]
    labels: Tensor
    classes: tuple[str, ...]
    size: int
    channels: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """`(C, H, W)` of every image, once decoded."""
        return self.channels, self.size, self.size

    def take(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the images, uint8 `(B, C, H, W)`, and labels, int64 `(B,)`, at an index."""
        numbers = index.tolist()
        pixels = np.empty((len(numbers), *self.shape), np.uint8)
        for place, number in enumerate(numbers):
            pixels[place] = decode(self.read(number), self.shape)
        return torch.from_numpy(pixels), torch.index_select(self.labels, 0, index)


def decode(picture: Image.Image, shape: tuple[int, int, int]) -> Pixels:
    """Returns a picture as the models see it: grey or coloured, scaled, cut about its centre.

    Args:
        picture: of any size and colours.
        shape: `(C, H, W)` to bring it to; C is 1 for grey, 3 for red, green, blue.

    Returns:
        uint8, `(C, H, W)`.
    """
    channels, height, width = shape
    coloured = picture.convert("L" if channels == 1 else "RGB")
    fitted = ImageOps.fit(coloured, (width, height), Image.Resampling.BILINEAR)
    return np.atleast_3d(np.asarray(fitted)).transpose(2, 0, 1)


def hold(pictures: Pictures, memory_limit_gb: float) -> ImageStore:
    """Returns the pictures decoded and in memory, or as they are if they exceed the limit."""
    count = len(pictures.labels)
    if not fits(count, pictures.shape, memory_limit_gb):
        return pictures
    pixels, labels = pictures.take(torch.arange(count))
    return Images(pixels, labels, pictures.classes)


def channels_of(pictures: Iterable[Image.Image]) -> int:
    """Returns 1 if all pictures looked at are grey, else 3."""
    return 1 if all(picture.mode in GREY_MODES for picture in pictures) else 3


def some(count: int) -> range:
    """Returns the numbers of at most 32 pictures, spread evenly among all."""
    return range(0, count, -(-count // _LOOKED_AT)) if count else range(0)
