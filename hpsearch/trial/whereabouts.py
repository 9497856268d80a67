"""Where a trial is, so that a failure can say where it happened; and whether its loss is finite."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl
import torch

from hpsearch.spec.messages import Kind


class NotFinite(Exception):
    """The training loss, or an objective, is NaN or infinite: the training diverged."""


class Whereabouts(pl.Callback):
    """Follows a trial through its stages.

    Attributes:
        kind: the stage, as a kind of failure.
        at: the batch and the epoch it is in; empty outside training.
    """

    def __init__(self) -> None:
        self.kind: Kind = "set-up"
        self.at = ""
        self._diverged: torch.Tensor | None = None

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Begins an epoch with a clean slate."""
        self.kind, self._diverged = "training", None

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Notes the batch."""
        self.kind = "training"
        self.at = f"batch {batch_idx + 1} of epoch {trainer.current_epoch + 1}"

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Remembers, on the device, whether the loss was ever not finite: reading it would wait."""
        loss = outputs.get("loss") if isinstance(outputs, Mapping) else outputs
        if isinstance(loss, torch.Tensor):
            bad = ~torch.isfinite(loss.detach()).all()
            self._diverged = bad if self._diverged is None else self._diverged | bad

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Notes that validation begins."""
        self.kind, self.at = "validation", f"epoch {trainer.current_epoch + 1}"

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Notes that validation is over."""
        self.kind = "training"

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Reads once an epoch whether the training diverged.

        Raises:
            NotFinite: a batch had a loss that is NaN or infinite.
        """
        if self._diverged is not None and bool(self._diverged):
            raise NotFinite("the training loss is not finite: the training diverged")

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Notes that only the teardown is left."""
        self.kind = "teardown"


def is_out_of_memory(error: BaseException) -> bool:
    """Returns whether an error says that memory was too small, on a GPU or on the machine."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    # What torch's CPU allocator raises has no class of its own.
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
