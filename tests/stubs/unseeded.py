"""A data module that splits without a generator, as many tutorials do, and a model for it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Subset, TensorDataset, random_split


class UnseededData(pl.LightningDataModule):
    """A hundred rows, 20 of them to validate on, which it prints."""

    def __init__(self, batch_size: int = 16, shift: float = 0.0) -> None:
        super().__init__()
        self.batch_size, self.shift = batch_size, shift

    def setup(self, stage: str | None = None) -> None:
        rows = torch.randn(100, 4, generator=torch.Generator().manual_seed(0)) + self.shift
        parts = random_split(TensorDataset(rows), [80, 20])
        self.training: Dataset[Any] = parts[0]
        self.validation: Dataset[Any] = parts[1]
        print("VALIDATION ROWS", sorted(parts[1].indices), flush=True)

    def train_dataloader(self) -> DataLoader[Any]:
        return DataLoader(self.training, self.batch_size, shuffle=True)

    def val_dataloader(self) -> DataLoader[Any]:
        return DataLoader(self.validation, 16)

    def test_dataloader(self) -> DataLoader[Any]:
        return DataLoader(TensorDataset(torch.ones(8, 4)), 8)


class PreparedData(UnseededData):
    """Splits where others download, and keeps the parts for `setup`."""

    def prepare_data(self) -> None:
        rows = torch.randn(100, 4, generator=torch.Generator().manual_seed(0))
        self.training, self.validation = random_split(TensorDataset(rows), [80, 20])

    def setup(self, stage: str | None = None) -> None:
        assert isinstance(self.validation, Subset)
        print("VALIDATION ROWS", sorted(self.validation.indices), flush=True)


class PermutedData(UnseededData):
    """Splits by itself, so that no index of a row is left to be seen."""

    def setup(self, stage: str | None = None) -> None:
        rows = torch.randn(100, 4, generator=torch.Generator().manual_seed(0))[torch.randperm(100)]
        self.training, self.validation = TensorDataset(rows[:80]), TensorDataset(rows[80:])


class UnseededOrderData(UnseededData):
    """Splits with a generator that cannot be seeded: every trial has different rows."""

    def setup(self, stage: str | None = None) -> None:
        super().setup(stage)
        seed = int(np.random.default_rng().integers(2**31))
        parts = random_split(TensorDataset(torch.randn(100, 4)), [80, 20], _generator(seed))
        self.training, self.validation = parts


class SubsampledData(UnseededData):
    """Trains on some rows that are drawn whenever Lightning asks for the loader."""

    def train_dataloader(self) -> DataLoader[Any]:
        rows = torch.randperm(80)[:32].tolist()
        print("DRAWN", rows[:8], flush=True)
        return DataLoader(Subset(self.training, rows), 16)


class Model(pl.LightningModule):
    """Four weights; it waits for the file `gate`, if it is given one, before its third epoch."""

    def __init__(self, lr: float = 0.01, gate: str | None = None) -> None:
        super().__init__()
        self.lr, self.net, self.gate = lr, nn.Linear(4, 2), gate

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        deadline = time.monotonic() + 60
        while self.gate and self.current_epoch == 2 and not Path(self.gate).exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        loss: Tensor = self.net(batch[0]).square().mean()
        return loss

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("val_loss", self.net(batch[0]).square().mean())

    def test_step(self, batch: Any, batch_idx: int) -> None:
        self.log("test_loss", self.net(batch[0]).square().mean())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=self.lr)


class SplittingModel(Model):
    """Has its data, and their split, in itself."""

    def setup(self, stage: str) -> None:
        rows = torch.randn(100, 4, generator=torch.Generator().manual_seed(0))
        parts = random_split(TensorDataset(rows), [80, 20])
        self.training_rows, self.validation_rows = parts

    def train_dataloader(self) -> DataLoader[Any]:
        return DataLoader(self.training_rows, 16, shuffle=True)

    def val_dataloader(self) -> DataLoader[Any]:
        return DataLoader(self.validation_rows, 16)

    def test_dataloader(self) -> DataLoader[Any]:
        return DataLoader(TensorDataset(torch.ones(8, 4)), 8)


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
