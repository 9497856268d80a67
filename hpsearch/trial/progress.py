"""How far the running epoch is, reported a few times a second."""

from __future__ import annotations

import math
import time
from typing import Any

import pytorch_lightning as pl
from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning.utilities.data import extract_batch_size

from hpsearch.protocol.job import Job, counts_validations
from hpsearch.protocol.messages import Progress
from hpsearch.trial.reports import Send
from hpsearch.trial.validations import (
    averaging_passes,
    batches_left,
    epoch_of,
    planned_validations,
)

INTERVAL_S = 0.5


class SayProgress(pl.Callback):
    """Sends `Progress` at most every half second, so that it costs training nothing.

    Args:
        send: takes the messages.
        job: the trial, prepared.
    """

    def __init__(self, send: Send, job: Job) -> None:
        self._send = send
        self._by_validation = counts_validations(job.config["trainer"])
        self._epochs = job.config["trainer"].get("max_epochs")
        self._since = time.monotonic()
        self._batches = 0

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Restarts the clock, so that validation is not counted as training."""
        self._since, self._batches = time.monotonic(), 0

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Counts the batch and, when it is time, reports how far the epoch is."""
        self._batches += 1
        elapsed = time.monotonic() - self._since
        if elapsed < INTERVAL_S:
            return
        speed = self._batches * samples_of(batch) * trainer.world_size / elapsed
        if self._by_validation:
            self._send(self._of_validations(trainer, speed))
        else:
            total = trainer.num_training_batches
            done = min(1.0, (batch_idx + 1) / total) if total else 0.0
            epochs = (trainer.max_epochs or 0) - averaging_passes(trainer, self._epochs)
            self._send(Progress(epoch_of(trainer, self._epochs), epochs, done, speed))
        self._since, self._batches = time.monotonic(), 0

    def _of_validations(self, trainer: pl.Trainer, speed: float) -> Progress:
        batches, validations = batches_left(trainer), planned_validations(trainer)
        done = trainer.fit_loop.epoch_loop.batch_progress.total.ready
        position = done / (done + batches) * validations if math.isfinite(validations) else 0.0
        whole = min(int(position), int(validations) - 1) if position else 0
        epochs = int(validations) if math.isfinite(validations) else 0
        return Progress(whole + 1, epochs, position - whole, speed, "validation")


def samples_of(batch: Any) -> int:
    """Returns how many samples a batch has; 0 for one without a tensor, which Lightning refuses."""
    try:
        return extract_batch_size(batch)
    except MisconfigurationException:
        return 0
