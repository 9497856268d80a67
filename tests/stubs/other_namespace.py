"""The smallest module and data of `lightning.pytorch`, the other namespace of the same classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import lightning.pytorch as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset


class OtherModel(pl.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(2, 2)

    def training_step(self, batch: Sequence[Tensor], batch_idx: int) -> Tensor:
        return torch.nn.functional.cross_entropy(self.layer(batch[0]), batch[1])

    def validation_step(self, batch: Sequence[Tensor], batch_idx: int) -> None:
        self.log("val_loss", torch.nn.functional.cross_entropy(self.layer(batch[0]), batch[1]))

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=0.1)


class OtherData(pl.LightningDataModule):
    def train_dataloader(self) -> DataLoader[Any]:
        points = torch.arange(32.0).reshape(16, 2)
        return DataLoader(TensorDataset(points, torch.arange(16) % 2), 8)

    def val_dataloader(self) -> DataLoader[Any]:
        return self.train_dataloader()
