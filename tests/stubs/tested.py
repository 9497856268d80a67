"""Tiny things with a test split, and a module whose value is as noisy as a test wants it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tiny
import torch
from torch import Tensor
from torch.utils.data import ConcatDataset, DataLoader, TensorDataset


class TestedData(tiny.TinyData):
    """TinyData with a test split, and with a way to train on everything."""

    __test__ = False

    def train_on_everything(self) -> None:
        self._training = ConcatDataset([self._training, self._validation])  # type: ignore[assignment]
        self._order = tiny.SeededOrder(96, 0)

    def test_dataloader(self) -> DataLoader[Any]:
        points = torch.randn(50, 2, generator=torch.Generator().manual_seed(1))
        return DataLoader(TensorDataset(points, (points.sum(dim=1) > 0).long()), 32)


class ShuffledData(TestedData):
    """TestedData whose labels have nothing to do with its points."""

    __test__ = False

    def train_dataloader(self) -> DataLoader[Any]:
        points, labels = self._training.tensors
        order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(2))
        shuffled = TensorDataset(points, labels[order])
        return DataLoader(shuffled, 16, sampler=self._order)


class TestedModel(tiny.TinyModel):
    """TinyModel with a test step.

    Args:
        skill: its value, but for the noise.
        noise: how much the seed changes its value; 0 for TinyModel's own values.
        bad_at_test: raises there.
    """

    __test__ = False

    def __init__(
        self,
        width: int = 4,
        skill: float = 0.0,
        noise: float = 0.0,
        bad_at_test: bool = False,
        plan: str = "",
    ) -> None:
        super().__init__(width=width, plan=plan)
        self._value = skill + noise * float(torch.randn(()))
        self._bad_at_test = bad_at_test

    def validation_step(self, batch: Sequence[Tensor], batch_idx: int) -> None:
        super().validation_step(batch, batch_idx)
        self.log("val_skill", self._value)

    def test_step(self, batch: Sequence[Tensor], batch_idx: int) -> None:
        if self._bad_at_test:
            raise ValueError("no test today")
        points, labels = batch
        right = (self(points).argmax(dim=1) == labels).float().mean()
        self.log_dict({"test_accuracy": right, "test_skill": self._value}, batch_size=len(labels))
