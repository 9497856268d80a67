"""Labelled images, held in memory or read from disk as they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, final

import torch
from torch import Tensor


class ImageStore(Protocol):
    """Labelled images of one size, of which any number can be taken at once.

    Attributes:
        labels: int64, `(N,)`.
        classes: the classes' names; `labels` count into them.
        shape: `(C, H, W)` of every image.
    """

    @property
    def labels(self) -> Tensor: ...  # noqa: D102

    @property
    def classes(self) -> tuple[str, ...]: ...  # noqa: D102

    @property
    def shape(self) -> tuple[int, int, int]: ...  # noqa: D102

    def take(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the images, uint8 `(B, C, H, W)`, and labels, int64 `(B,)`, at an index."""
        ...


@final
@dataclass(frozen=True)
class Images:
    """Labelled images held in memory.

    Attributes:
        pixels: uint8, `(N, C, H, W)`.
        labels: int64, `(N,)`.
        classes: the classes' names; `labels` count into them.
    """

    pixels: Tensor
    labels: Tensor
    classes: tuple[str, ...]

    @property
    def shape(self) -> tuple[int, int, int]:
        """`(C, H, W)` of every image."""
        channels, height, width = self.pixels.shape[1:]
        return channels, height, width

    def take(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the images, uint8 `(B, C, H, W)`, and labels, int64 `(B,)`, at an index."""
        return torch.index_select(self.pixels, 0, index), torch.index_select(self.labels, 0, index)
