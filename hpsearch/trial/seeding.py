"""Randomness that a resumed trial meets again: reseeded at the first batch of every epoch."""

from __future__ import annotations

import hashlib
import random
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch


def seed_all(*parts: int) -> None:
    """Seeds python, numpy and torch (every device) from these numbers together."""
    digest = hashlib.sha256(repr(parts).encode()).digest()
    seed = int.from_bytes(digest[:4], "little")
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


class ReseedEachEpoch(pl.Callback):
    """Makes what an epoch draws depend on (seed, epoch) only, not on the epochs before it.

    Together with a data order from (seed, epoch) this makes a trial that is resumed at an epoch's
    start equal, bit for bit, to the undisturbed one; either alone does not.
    """

    supports_multi_step = True

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Reseeds before the epoch's first batch is used."""
        # A scan is told no number of its first batch; Lightning's own count is always right.
        if trainer.fit_loop.epoch_loop.batch_idx == 0:
            seed_all(self._seed, trainer.current_epoch)
