"""The module and loaders of Optuna + Lightning, in the form that a study file can name."""

from __future__ import annotations

from functools import cached_property

import lightning as pl
from lightning_parts import Module, loaders
from torch.utils.data import DataLoader
from work import from_text


class OwnModule(Module):
    """The same module, with its work as text."""

    def __init__(self, work: str, lr: float) -> None:
        super().__init__(from_text(work), lr)


class OwnData(pl.LightningDataModule):
    """The same loaders."""

    def __init__(self, work: str) -> None:
        super().__init__()
        self.work = work

    @cached_property
    def _both(self) -> tuple[DataLoader, DataLoader]:
        return loaders(from_text(self.work))

    def train_dataloader(self) -> DataLoader:
        """Returns the training loader."""
        return self._both[0]

    def val_dataloader(self) -> DataLoader:
        """Returns the validation loader."""
        return self._both[1]
