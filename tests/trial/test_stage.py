"""A training diverged if one of its losses is not finite, whichever it is."""

from __future__ import annotations

import math

import pytest
import pytorch_lightning as pl
import torch
from tiny import TinyModel

from hpsearch.trial.stage import NotFiniteError, StageTracker

BATCHES = 70


def epoch_of(losses: list[float]) -> None:
    """Has a tracker see an epoch with these losses."""
    tracker, trainer, module = StageTracker(), pl.Trainer(accelerator="cpu"), TinyModel()
    tracker.on_train_epoch_start(trainer, module)
    for index, loss in enumerate(losses):
        tracker.on_train_batch_end(trainer, module, {"loss": torch.tensor(loss)}, None, index)
    tracker.on_train_epoch_end(trainer, module)


@pytest.mark.parametrize("at", [0, 31, 32, BATCHES - 1])
@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_single_loss_that_is_not_finite_is_found(at: int, loss: float) -> None:
    losses = [0.5] * BATCHES
    losses[at] = loss
    with pytest.raises(NotFiniteError, match="the training loss is not finite"):
        epoch_of(losses)


def test_an_epoch_of_finite_losses_or_without_batches_has_not_diverged() -> None:
    epoch_of([0.5] * BATCHES)
    epoch_of([])
