"""One small module, and loaders of every kind that people feed it with."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

ROWS = 48


def rows() -> tuple[Tensor, Tensor]:
    points = torch.randn(ROWS, 2, generator=torch.Generator().manual_seed(0))
    return points, (points.sum(dim=1) > 0).long()


class Fed(pl.LightningModule):
    """A network with dropout, so that its weights tell which random numbers it was given.

    Args:
        plan: `late` logs nothing in the first two validations, `sometimes` nothing in every second
            one, `nan-last` gives NaN in the last epoch, `never` logs nothing, `training` logs the
            training loss alone.
    """

    def __init__(self, plan: str = "", lr: float = 0.05) -> None:
        super().__init__()
        self.net = torch.nn.Sequential(
            torch.nn.Linear(2, 4), torch.nn.Tanh(), torch.nn.Dropout(0.3), torch.nn.Linear(4, 2)
        )
        self.plan, self.lr, self.validations = plan, lr, 0

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        loss = torch.nn.functional.cross_entropy(self.net(batch[0]), batch[1])
        if self.plan == "training":
            self.log("train_loss", loss, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        loss = torch.nn.functional.cross_entropy(self.net(batch[0]), batch[1])
        silent = {
            "never": True,
            "late": self.validations < 2,
            "sometimes": self.validations % 2 == 0,
        }
        if self.plan == "nan-last" and self.current_epoch + 1 == self.trainer.max_epochs:
            loss = loss * math.nan
        if not silent.get(self.plan):
            self.log("val_loss", loss)

    def on_validation_epoch_end(self) -> None:
        self.validations += 1

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.Adam(self.parameters(), lr=self.lr)
        # Moves after each epoch, in which a resumed trial may have stopped.
        return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)]


class FollowsLoss(pl.Callback):
    """Changes the weights by what was logged last, at every step."""

    def on_train_batch_start(self, trainer: pl.Trainer, module: Any, *_: Any) -> None:
        with torch.no_grad():
            module.net[0].bias.add_(0.1 * trainer.callback_metrics.get("val_loss", torch.zeros(())))


class Feed(pl.LightningDataModule):
    """The rows, fed in one of many ways.

    Args:
        kind: `shuffled`, `generator` (the loader's own), `workers`, `noisy` (rows with random
            noise), `endless` (an iterable that never ends), `stream` (one that ends, of unknown
            length), `drawing` (an endless one that draws random numbers), `stateful`, `own` (rows
            with noise from generators of the data set's own), `permuted` (a stream that draws its
            order from one), `saved` (from one that only this module's state has).
    """

    def __init__(self, kind: str = "shuffled", validated: bool = True) -> None:
        super().__init__()
        self.kind, self.validated = kind, validated
        self.source: Dataset[Any] = TensorDataset(*rows())
        self._order = torch.Generator().manual_seed(7)

    def state_dict(self) -> dict[str, Any]:
        return {"order": self._order.get_state()} if self.kind == "saved" else {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._order.set_state(state_dict["order"])

    def train_dataloader(self) -> Any:
        if self.kind == "workers":
            return DataLoader(self.source, 8, shuffle=True, num_workers=1)
        if self.kind == "generator":
            generator = torch.Generator().manual_seed(5)
            return DataLoader(self.source, 8, shuffle=True, generator=generator)
        if self.kind == "noisy":
            return DataLoader(Noisy(), 8, shuffle=True)
        if self.kind == "own":
            return DataLoader(OwnNoise(), 8, shuffle=True)
        if self.kind == "permuted":
            return DataLoader(Permuted(self._order), 8)
        if self.kind == "saved":
            return DataLoader(Permuted(self), 8)
        if self.kind in ("endless", "stream", "drawing"):
            return DataLoader(Stream(self.kind), 8)
        if self.kind == "stateful":
            return Stateful()
        return DataLoader(self.source, 8, shuffle=True)

    def val_dataloader(self) -> Any:
        return DataLoader(self.source, ROWS) if self.validated else []


class Noisy(Dataset[tuple[Tensor, Tensor]]):
    """The rows with noise, drawn when they are read."""

    def __len__(self) -> int:
        return ROWS

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        points, labels = rows()
        return points[index] + 0.1 * torch.randn(2), labels[index]


class Stream(IterableDataset[tuple[Tensor, Tensor]]):
    """The rows one after the other, without a length."""

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        points, labels = rows()
        while True:
            for index in range(ROWS):
                noise = torch.randn(2) if self._kind == "drawing" else 0.0
                yield points[index] + noise, labels[index]
            if self._kind == "stream":
                return


class OwnNoise(Noisy):
    """The rows with noise from one generator of each kind."""

    def __init__(self) -> None:
        self._uniform, self._normal = random.Random(1), np.random.default_rng(2)
        self._legacy, self._torch = np.random.RandomState(3), torch.Generator().manual_seed(4)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        points, labels = rows()
        noise = self._uniform.random() + self._normal.normal() + self._legacy.normal()
        return points[index] + 0.1 * noise * torch.randn(2, generator=self._torch), labels[index]


class Permuted(IterableDataset[tuple[Tensor, Tensor]]):
    """The rows in an order that is drawn anew for each epoch.

    Args:
        owner: the generator, or the data module that has it.
    """

    def __init__(self, owner: torch.Generator | Feed) -> None:
        self._owner = owner

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        points, labels = rows()
        generator = self._owner._order if isinstance(self._owner, Feed) else self._owner
        for index in torch.randperm(ROWS, generator=generator):
            yield points[index], labels[index]


class Stateful:
    """A loader that keeps its position, as torchdata's StatefulDataLoader does."""

    def __init__(self) -> None:
        self._next = 0
        self._generator = torch.Generator().manual_seed(3)
        self._order = torch.arange(ROWS)

    def __len__(self) -> int:
        return ROWS // 8

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        points, labels = rows()
        if self._next in (0, len(self)):
            self._next = 0
            self._order = torch.randperm(ROWS, generator=self._generator)
        while self._next < len(self):
            chosen = self._order[self._next * 8 : self._next * 8 + 8]
            self._next += 1
            yield points[chosen], labels[chosen]

    def state_dict(self) -> dict[str, Any]:
        state = self._generator.get_state()
        return {"next": self._next, "order": self._order, "generator": state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._next, self._order = state["next"], state["order"]
        self._generator.set_state(state["generator"])
