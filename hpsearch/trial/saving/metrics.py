"""The metrics that modules and callbacks read, as they were when a trial was saved."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
from torch import Tensor


class LastMetrics(pl.Callback):
    """Makes `trainer.callback_metrics` of a resumed trial that of an uninterrupted one.

    Lightning begins with none, until something is logged again: a callback that reads in an epoch
    what the epoch before logged would find nothing.
    """

    supports_multi_step = True

    def __init__(self) -> None:
        self._trainer: Any = None
        self._saved: dict[str, Tensor] = {}

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Remembers the Trainer whose metrics these are."""
        self._trainer = trainer

    def state_dict(self) -> dict[str, Any]:
        """Returns the metrics that were logged last."""
        metrics = self._trainer.callback_metrics
        return {name: value.detach().clone() for name, value in metrics.items()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Keeps them until the training begins: a sanity check would drop them."""
        self._saved = state_dict

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Gives them to the Trainer."""
        known = {name: value.to(pl_module.device) for name, value in self._saved.items()}
        trainer.callback_metrics.update(known)
        self._saved = {}
