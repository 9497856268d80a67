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


class FarData(TestedData):
    """TestedData whose points are validated ten times as far away."""

    __test__ = False

    def val_dataloader(self) -> DataLoader[Any]:
        points, labels = self._validation.tensors
        return DataLoader(TensorDataset(10 * points, labels), 32)


class ReorderedData(TestedData):
    """TestedData that is validated in a new order each time."""

    __test__ = False

    def val_dataloader(self) -> DataLoader[Any]:
        points, labels = self._validation.tensors
        self.drawn = getattr(self, "drawn", 0) + 1
        order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(self.drawn))
        return DataLoader(TensorDataset(points[order], labels[order]), 32)


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


class UnheardModel(TestedModel):
    """TestedModel that validates with its layers and not with its forward."""

    __test__ = False

    def validation_step(self, batch: Sequence[Tensor], batch_idx: int) -> None:
        points, labels = batch
        self.log("val_loss", torch.nn.functional.cross_entropy(self.layers(points), labels))


class RateModel(TestedModel):
    """TestedModel whose validation reads the state of its training.

    Args:
        width: as TestedModel's.
        loader: whether it reads a loader of the training, too.
    """

    __test__ = False

    def __init__(self, width: int = 4, loader: bool = False) -> None:
        super().__init__(width)
        self._loader = loader

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.Adam(self.parameters(), 0.04)
        schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def validation_step(self, batch: Sequence[Tensor], batch_idx: int) -> None:
        super().validation_step(batch, batch_idx)
        (rate,), optimizer = self.lr_schedulers().get_last_lr(), self.optimizers()
        self.log_dict({"rate": rate, "own_rate": optimizer.param_groups[0]["lr"]})
        if self._loader:
            self.log("batches", self.trainer.train_dataloader.batch_size)


class SeveralOutputs(TestedModel):
    """TestedModel whose forward returns two tensors."""

    __test__ = False

    def forward(self, points: Tensor) -> Any:
        logits = self.layers(points)
        return logits, logits.softmax(1)

    def training_step(self, batch: Sequence[Tensor], batch_idx: int) -> Tensor:
        return torch.nn.functional.cross_entropy(self(batch[0])[0], batch[1])

    def validation_step(self, batch: Sequence[Tensor], batch_idx: int) -> None:
        self.log("val_loss", torch.nn.functional.cross_entropy(self(batch[0])[0], batch[1]))


class Regression(TestedModel):
    """TestedModel that gives a point back: the labels fit its outputs, and are no targets."""

    __test__ = False

    def _error(self, batch: Sequence[Tensor]) -> Tensor:
        points = batch[0]
        return torch.nn.functional.mse_loss(self(points), points)

    def training_step(self, batch: Sequence[Tensor], batch_idx: int) -> Tensor:
        return self._error(batch)

    def validation_step(self, batch: Sequence[Tensor], batch_idx: int) -> None:
        self.log("val_error", self._error(batch))

    def test_step(self, batch: Sequence[Tensor], batch_idx: int) -> None:
        self.log("test_error", self._error(batch))
