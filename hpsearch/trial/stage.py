"""The stage a trial is in, for the message of a failure; and whether its loss is finite."""

from __future__ import annotations

import errno
import math
from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl
import torch

from hpsearch.protocol.messages import FailureKind

# Between a step's other work, adding one number takes several times as long as in a row.
_AT_ONCE = 32


class NotFiniteError(Exception):
    """The training loss, or an objective, is NaN or infinite."""


class StageTracker(pl.Callback):
    """Follows a trial through its stages.

    Attributes:
        kind: the stage, as a kind of failure.
        at: the epoch it is in and, after an exception, the batch; empty outside training.
        forgives: whether a diverging training is accepted, since a few batches prove little.
    """

    def __init__(self) -> None:
        self.kind: FailureKind = "set-up"
        self.at = ""
        self.forgives = False
        self._losses: list[torch.Tensor] = []

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Resets the sum of losses."""
        self.kind, self.at, self._losses = "training", "", []

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Adds up the losses, on the device: one that is not finite makes the sum not finite."""
        loss = outputs.get("loss") if isinstance(outputs, Mapping) else outputs
        if isinstance(loss, torch.Tensor):
            self._losses.append(loss.detach())
            # A GPU that replays a graph may write the next loss over this one.
            if not loss.is_cpu or len(self._losses) == _AT_ONCE:
                self._losses = [torch.as_tensor(sum(self._losses))]

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Records that validation begins."""
        self.kind, self.at = "validation", f"epoch {trainer.current_epoch + 1}"

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Records that validation is over."""
        self.kind, self.at = "training", ""

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Checks once an epoch whether the training diverged.

        Raises:
            NotFiniteError: a batch had a loss that is NaN or infinite.
        """
        self.at = f"epoch {trainer.current_epoch + 1}"
        if not self.forgives and not math.isfinite(sum(self._losses)):
            raise NotFiniteError("the training loss is not finite: the training diverged")

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        """Notes the batch, if one was being trained."""
        if self.kind == "training" and not self.at:
            batch = trainer.fit_loop.epoch_loop.batch_idx + 1
            self.at = f"batch {batch} of epoch {trainer.current_epoch + 1}"

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Records that only the teardown is left."""
        self.kind = "teardown"


def is_out_of_memory(error: BaseException) -> bool:
    """Returns whether an error says that memory ran out, on a GPU or on the machine."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    # Errors of torch's CPU allocator and Python's threads have no class of their own.
    said = ("can't allocate memory", "not enough memory", "bad_alloc", "can't start new thread")
    return isinstance(error, RuntimeError) and any(words in str(error) for words in said)
