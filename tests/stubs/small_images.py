"""Images of a few pixels, and what watches or disturbs the steps that are trained on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor

from hpsearch.models import AbstractClassifier
from hpsearch.models.base import ImageBatch

COUNT = 72


def write_images(folder: Path) -> Path:
    """Writes 72 images of 4 x 4 pixels in 3 classes as IDX files, and returns their folder."""
    generator = np.random.default_rng(0)
    labels = np.arange(COUNT, dtype=np.uint8) % 3
    images = generator.integers(0, 90, (COUNT, 4, 4), dtype=np.uint8)
    images[:, 0, :3] += 100 * np.eye(3, dtype=np.uint8)[labels]
    for name, array in (("images-idx3", images), ("labels-idx1", labels)):
        header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes()
        (folder / f"train-{name}-ubyte").write_bytes(header + array.tobytes())
    return folder


class Bystander(pl.Callback):
    """Has a hook in the middle of a step, which rules out multi-step training."""

    def on_after_backward(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        pass


class Witness(pl.Callback):
    """Counts Lightning's own steps, and the batches it hears of."""

    supports_multi_step = True
    steps: ClassVar[int]
    batches: ClassVar[list[int]]

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        Witness.steps, Witness.batches = 0, []

    def on_train_batch_start(self, *_: Any) -> None:
        Witness.steps += 1

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        assert outputs["loss"].ndim == 0
        assert batch[0].dtype == pl_module.dtype, "as the model was given it"
        Witness.batches.append(batch_idx)


class Fragile(AbstractClassifier):
    """A linear classifier whose third batch of an epoch goes wrong as planned."""

    def __init__(self, plan: str, input_shape: tuple[int, ...], classes: int) -> None:
        super().__init__(input_shape, classes)
        self.layers = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, classes))
        self._plan = plan

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.layers(images)
        return logits

    def training_step(self, batch: ImageBatch, batch_idx: int) -> Tensor:
        loss = super().training_step(batch, batch_idx)
        if batch_idx != 2:
            return loss
        if self._plan == "raise":
            raise ValueError("planned to fail")
        return loss * 0 + torch.inf
