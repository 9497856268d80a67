"""Segmentation: a U-Net of two levels, batches of mappings, a metric of torchmetrics."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchmetrics.classification import BinaryJaccardIndex


def block(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()
    )


class UNet(pl.LightningModule):
    """Down once, up once, with the shortcut that gives it its name."""

    def __init__(self, width: int = 2, lr: float = 0.01) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.down, self.bottom = block(1, width), block(width, 2 * width)
        self.up = nn.ConvTranspose2d(2 * width, width, 2, stride=2)
        self.out = nn.Sequential(block(2 * width, width), nn.Conv2d(width, 1, 1))
        self.overlap = BinaryJaccardIndex()

    def forward(self, image: Tensor) -> Tensor:
        left = self.down(image)
        right = self.up(self.bottom(nn.functional.max_pool2d(left, 2)))
        mask: Tensor = self.out(torch.cat([left, right], dim=1))
        return mask

    def _loss(self, batch: Any) -> tuple[Tensor, Tensor]:
        scores = self(batch["image"])
        return nn.functional.binary_cross_entropy_with_logits(scores, batch["mask"]), scores

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return self._loss(batch)[0]

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        loss, scores = self._loss(batch)
        self.overlap.update(scores, batch["mask"].int())
        self.log_dict({"val_loss": loss, "val_iou": self.overlap}, on_epoch=True)

    def test_step(self, batch: Any, batch_idx: int) -> None:
        self.log("test_loss", self._loss(batch)[0])

    def configure_optimizers(self) -> Any:
        return torch.optim.Adam(self.parameters(), lr=self.hparams["lr"])


class Squares(Dataset[dict[str, Tensor]]):
    """Noisy pictures, each with a bright square and its mask."""

    def __len__(self) -> int:
        return 24

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        mask = torch.zeros(1, 8, 8)
        mask[:, index % 4 : index % 4 + 4, 2:6] = 1.0
        noise = torch.randn(1, 8, 8, generator=torch.Generator().manual_seed(index))
        return {"image": mask + 0.3 * noise, "mask": mask}


class Segments(pl.LightningDataModule):
    """The squares, for training, validation and test."""

    def train_dataloader(self) -> Any:
        return DataLoader(Squares(), 8, shuffle=True)

    def val_dataloader(self) -> Any:
        return DataLoader(Squares(), 8)

    test_dataloader = val_dataloader
