"""How far the running epoch is, said a few times a second."""

from __future__ import annotations

import time
from typing import Any

import pytorch_lightning as pl
from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning.utilities.data import extract_batch_size

from hpsearch.protocol.messages import Progress
from hpsearch.trial.reports import Exchange

INTERVAL_S = 0.5


class SayProgress(pl.Callback):
    """Sends `Progress` at most every half second, so that it costs training nothing."""

    def __init__(self, send: Exchange) -> None:
        self._send = send
        self._since = time.monotonic()
        self._batches = 0

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Starts the clock anew, so that validation does not count as training."""
        self._since, self._batches = time.monotonic(), 0

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Counts the batch and, if it is time, says how far the epoch is."""
        self._batches += 1
        elapsed = time.monotonic() - self._since
        if elapsed < INTERVAL_S:
            return
        total = trainer.num_training_batches
        self._send(
            Progress(
                epoch=trainer.current_epoch + 1,
                epochs=trainer.max_epochs or 0,
                fraction=min(1.0, (batch_idx + 1) / total) if total else 0.0,
                samples_per_s=self._batches * samples_of(batch) / elapsed,
            )
        )
        self._since, self._batches = time.monotonic(), 0


def samples_of(batch: Any) -> int:
    """Returns how many samples a batch has; 0 for batches of no tensor, which Lightning refuses."""
    try:
        return extract_batch_size(batch)
    except MisconfigurationException:
        return 0
