"""A classifier that says how much of its images its process has for itself."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hpsearch.models import AbstractClassifier

SMAPS = Path("/proc/self/smaps")


class Sharing(AbstractClassifier):
    """A linear classifier that logs `images_mb`, and `private_mb` of the memory they lie in."""

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
        self.log("private_mb", private_bytes(pixels.data_ptr()) / 1e6)

    def _data(self) -> Any:
        return self.trainer.datamodule.training[0]  # type: ignore[attr-defined]


def private_bytes(address: int) -> int:
    """Returns what no other process shares of the mapping that an address lies in."""
    mappings = re.split(r"^(?=[0-9a-f]+-[0-9a-f]+ )", SMAPS.read_text(), flags=re.MULTILINE)
    for mapping in filter(None, mappings):
        first, last = (int(end, 16) for end in mapping.split(" ", 1)[0].split("-"))
        if first <= address < last:
            return 1024 * sum(map(int, re.findall(r"Private_(?:Clean|Dirty):\s+(\d+)", mapping)))
    raise LookupError(f"no mapping holds {address:x}")
