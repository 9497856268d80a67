"""Which weights are frozen, and which layers are in evaluation mode, when a trial was saved."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl


class WhatTrains(pl.Callback):
    """Gives a resumed module the frozen and unfrozen layers of an uninterrupted one.

    A checkpoint of Lightning has weights, and not `requires_grad`: what a callback such as
    `BaseFinetuning`, or the module itself, has unfrozen after some epochs would be frozen again, as
    it was built. It comes first among the callbacks, so that others change what is restored.
    """

    supports_multi_step = True

    def __init__(self) -> None:
        self._trainer: Any = None
        self._evaluated: list[str] = []
        self._saved: dict[str, list[str]] = {}

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Remembers the Trainer whose module this is."""
        self._trainer = trainer

    def state_dict(self) -> dict[str, list[str]]:
        """Returns the names of the frozen weights, and of the layers in evaluation mode."""
        module = self._trainer.lightning_module
        weights = module.named_parameters()
        return {
            "frozen": [name for name, weight in weights if not weight.requires_grad],
            # While it validates, every layer is.
            "evaluated": self._evaluated if self._trainer.validating else _evaluated(module),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Keeps them until the training begins: hooks before that freeze layers as well."""
        self._saved = state_dict

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Restores them for callbacks that read them as the training begins."""
        self._restore(pl_module)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Restores them after the module's own `on_train_start`, before what the epoch changes."""
        self._restore(pl_module)
        self._saved = {}

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: Any, *_: Any) -> None:
        """Restores them in the middle of an epoch, whose start is not called again."""
        self._restore(pl_module)
        if self._saved or trainer.fit_loop.epoch_loop.batch_idx == 0:
            self._evaluated = _evaluated(pl_module)
        self._saved = {}

    def _restore(self, module: pl.LightningModule) -> None:
        if not self._saved:
            return
        frozen, evaluated = ({*self._saved[part]} for part in ("frozen", "evaluated"))
        for name, weight in module.named_parameters():
            weight.requires_grad_(name not in frozen)
        for name, layer in module.named_modules():
            layer.training = name not in evaluated


def _evaluated(module: pl.LightningModule) -> list[str]:
    return [name for name, layer in module.named_modules() if not layer.training]
