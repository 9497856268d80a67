"""A plain network of images, laid out as torch does by itself, and the least to compile."""

from __future__ import annotations

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from hpsearch.models.base import ImageBatch


class Convolving(pl.LightningModule):
    """Two convolutions, three channels between them, and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(1, 3, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(3, 2, 3, padding=1),
            nn.Flatten(),
            nn.Linear(32, 3),
        )

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.net(images)
        return logits

    def training_step(self, batch: ImageBatch, batch_idx: int) -> Tensor:
        return nn.functional.cross_entropy(self(batch[0]), batch[1])

    def validation_step(self, batch: ImageBatch, batch_idx: int) -> None:
        self.log("val_loss", nn.functional.cross_entropy(self(batch[0]), batch[1]))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


class Affine(pl.LightningModule):
    """One linear layer: the least that there is to compile.

    Args:
        through: whether its steps call the module, which is what is compiled, or the layer.
    """

    def __init__(self, through: bool = True) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.example_input_array = torch.zeros(1, 2)
        self._through = through

    def forward(self, points: Tensor) -> Tensor:
        logits: Tensor = self.layer(points)
        return logits

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        logits = self(batch[0]) if self._through else self.layer(batch[0])
        return nn.functional.cross_entropy(logits, batch[1])

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        loss = nn.functional.cross_entropy(self.layer(batch[0]), batch[1])
        self.log("val_loss", loss)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)
