"""The smallest things that can be searched: a model of a few numbers on data of a few rows."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset


class TinyData(pl.LightningDataModule):
    """Sixty-four points in the plane, in two classes; their order follows seed and epoch."""

    def __init__(self, batch_size: int = 16, order_seed: int = 0, split_seed: int = 0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        points = torch.randn(96, 2, generator=generator)
        labels = (points.sum(dim=1) > 0).long()
        self._training = TensorDataset(points[:64], labels[:64])
        self._validation = TensorDataset(points[64:], labels[64:])
        self._batch_size = batch_size
        self._order = SeededOrder(64, order_seed)
        self.split_fingerprint = f"split-{split_seed}"

    def train_dataloader(self) -> DataLoader[Any]:
        return DataLoader(self._training, self._batch_size, sampler=self._order)

    def val_dataloader(self) -> DataLoader[Any]:
        return DataLoader(self._validation, 32)


class SeededOrder(torch.utils.data.Sampler[int]):
    """An order that depends on the seed and the epoch only."""

    def __init__(self, count: int, seed: int) -> None:
        self._count = count
        self._seed = seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        self._epoch = epoch

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Any:
        generator = torch.Generator().manual_seed(self._seed * 1000 + self._epoch)
        return iter(torch.randperm(self._count, generator=generator).tolist())


class TinyModel(pl.LightningModule):
    """A network of two layers, whose `plan` says what goes wrong, and when.

    Args:
        width: hidden units.
        dropout: share of hidden units left out.
        plan: `raise`, `nan`, `silent` (logs no objective) or empty, from epoch `at` on.
        at: the first epoch, from 1, in which the plan holds.
        gate: a file each epoch waits for, so that a test decides when a trial goes on.
    """

    def __init__(
        self,
        width: int = 4,
        dropout: float = 0.1,
        plan: str = "",
        at: int = 1,
        gate: str | None = None,
        lr: float = 0.05,
    ) -> None:
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(2, width),
            torch.nn.ReLU(),
            torch.nn.Dropout(dropout),
            torch.nn.Linear(width, 2),
        )
        self._plan = plan
        self._at = at
        self._gate = gate
        self._lr = lr

    def forward(self, points: Tensor) -> Tensor:
        logits: Tensor = self.layers(points)
        return logits

    def training_step(self, batch: Sequence[Tensor], batch_idx: int) -> Tensor:
        if self._planned("raise"):
            raise ValueError("planned to fail")
        if self._planned("kill") and batch_idx == 2:
            os.kill(os.getpid(), 9)
        if self._gate is not None:
            _wait_for(Path(self._gate))
        points, labels = batch
        return torch.nn.functional.cross_entropy(self(points), labels)

    def validation_step(self, batch: Sequence[Tensor], batch_idx: int) -> None:
        if self._planned("silent"):
            return
        points, labels = batch
        loss = torch.nn.functional.cross_entropy(self(points), labels)
        accuracy = (self(points).argmax(dim=1) == labels).float().mean()
        if self._planned("nan"):
            loss = loss * torch.nan
        self.log_dict({"val_loss": loss, "val_accuracy": accuracy})

    def configure_optimizers(self) -> Any:
        return torch.optim.Adam(self.parameters(), lr=self._lr)

    def _planned(self, what: str) -> bool:
        return self._plan == what and self.current_epoch + 1 >= self._at


def _wait_for(gate: Path) -> None:
    deadline = time.monotonic() + 60
    while not gate.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
