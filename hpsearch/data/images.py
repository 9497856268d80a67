"""Labelled images, held in memory or read from disk on request."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, final

import torch
from torch import Tensor


class ImageStore(Protocol):
    """Labelled images of one size, of which any number can be read at once.

    Attributes:
        labels: int64, `(N,)`.
        classes: the classes' names; `labels` are indices into them.
        held_out: how many of the last images the source itself sets apart for validation.
        shape: `(C, H, W)` of every image.
        fingerprint: a hash of the images, their labels and the classes' names.
    """

    @property
    def labels(self) -> Tensor: ...  # noqa: D102

    @property
    def classes(self) -> tuple[str, ...]: ...  # noqa: D102

    @property
    def held_out(self) -> int: ...  # noqa: D102

    @property
    def shape(self) -> tuple[int, int, int]: ...  # noqa: D102

    @property
    def fingerprint(self) -> str: ...  # noqa: D102

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
        classes: the classes' names; `labels` are indices into them.
        held_out: how many of the last images the source itself sets apart for validation.
    """

    pixels: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    held_out: int = 0

    @property
    def shape(self) -> tuple[int, int, int]:
        """`(C, H, W)` of every image."""
        channels, height, width = self.pixels.shape[1:]
        return channels, height, width

    @cached_property
    def fingerprint(self) -> str:
        """A hash of every pixel, the labels and the classes' names."""
        return fingerprint_of(self.classes, self.labels, self.pixels)

    def take(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the images, uint8 `(B, C, H, W)`, and labels, int64 `(B,)`, at an index."""
        return torch.index_select(self.pixels, 0, index), torch.index_select(self.labels, 0, index)


def fingerprint_of(classes: Sequence[str], *parts: Tensor) -> str:
    """Returns 16 hex digits of a SHA-256 of tensors, with their shapes, and of classes' names."""
    digest = hashlib.sha256(repr(tuple(classes)).encode())
    for part in parts:
        digest.update(repr((str(part.dtype), *part.shape)).encode())
        digest.update(part.contiguous().numpy().data)
    return digest.hexdigest()[:16]
