"""A classifier that says how much of its images its process has for itself."""

from __future__ import annotations

import resource
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hpsearch.models import AbstractClassifier

PAGE = resource.getpagesize()


class Sharing(AbstractClassifier):
    """A linear classifier that logs `images_mb`, and `private_mb` of them that only it has."""

    def __init__(self, input_shape: tuple[int, ...], classes: int) -> None:
        super().__init__(input_shape, classes)
        self.layers = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.LazyLinear(classes))
        self(self.example_input_array)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.layers(images)
        return logits

    def on_validation_epoch_end(self) -> None:
        super().on_validation_epoch_end()
        pixels = self._data().pixels
        self.log("images_mb", pixels.nbytes / 1e6)
        self.log("private_mb", private_bytes(pixels.data_ptr(), pixels.nbytes) / 1e6)

    def _data(self) -> Any:
        return self.trainer.datamodule.training[0]  # type: ignore[attr-defined]


def private_bytes(address: int, size: int) -> int:
    """Returns how much of some memory lies in pages that no other process has."""
    first, last = address // PAGE, (address + size - 1) // PAGE
    with Path("/proc/self/pagemap").open("rb", buffering=0) as pages:
        pages.seek(8 * first)
        entries = np.frombuffer(pages.read(8 * (last - first + 1)), np.uint64)
    # https://docs.kernel.org/admin-guide/mm/pagemap.html: bit 56 is "exclusively mapped"
    return PAGE * int((entries >> np.uint64(56) & np.uint64(1)).sum())
