"""Modules that are made in `setup`: their layers for the data, or the data that they load."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader


class Texts(pl.LightningDataModule):
    """Texts of 2 to 5 words; those of a batch are as long as its longest."""

    def setup(self, stage: str) -> None:
        self.words = 7

    def train_dataloader(self) -> Any:
        rows = [torch.arange(2 + row // 4) for row in range(16)]
        return DataLoader(rows, 4, collate_fn=lambda texts: (pad_sequence(texts, True), 0))  # type: ignore[arg-type]

    val_dataloader = train_dataloader


class MadeForData(pl.LightningModule):
    """Has as many rows of weights as its data have words."""

    def setup(self, stage: str) -> None:
        self.layer = nn.Embedding(self.trainer.datamodule.words, 2)  # type: ignore[attr-defined]

    def forward(self, words: Tensor) -> Tensor:
        mean: Tensor = self.layer(words).mean(dim=1)
        return mean

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return self(batch[0]).square().mean()

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("val_accuracy", -self(batch[0]).square().mean(), batch_size=4)

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=0.1)


class LoadsItself(MadeForData):
    """Has no data module."""

    def setup(self, stage: str) -> None:
        self.data = Texts()
        self.layer = nn.Embedding(7, 2)

    def train_dataloader(self) -> Any:
        return self.data.train_dataloader()

    val_dataloader = train_dataloader
