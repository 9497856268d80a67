"""Randomness that a resumed trial repeats: reseeded at the first batch of every epoch."""

from __future__ import annotations

import functools
import hashlib
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch

from hpsearch.internals.lightning import trainer_of
from hpsearch.trial.speedups.overrides import overrides

# The methods of a data module, or of a module with its own loaders, that decide its rows.
SET_UP = (
    *("prepare_data", "setup", "train_dataloader", "val_dataloader"),
    *("test_dataloader", "predict_dataloader"),
)
_KEPT = ("train_dataloader", "val_dataloader")  # over epochs, unless they are reloaded


def seed_all(*parts: int) -> None:
    """Seeds Python, NumPy and torch (every device) from these numbers together."""
    seed = _mix(parts)
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


@contextmanager
def seeded(*parts: int) -> Iterator[None]:
    """Seeds Python, NumPy and torch's CPU inside the block; restores their states afterwards."""
    before = random.getstate(), np.random.get_state(), torch.get_rng_state()
    seed = _mix(parts)
    random.seed(seed)
    np.random.seed(seed)
    torch.default_generator.manual_seed(seed)
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])
        torch.set_rng_state(before[2])


def seed_set_up(owner: Any, seed: int) -> None:
    """Makes every set-up of data draw the same numbers, whoever calls it and however often.

    A `random_split` without a generator then gives every trial of a study the same rows, also when
    one trial calls `setup` twice. What is drawn outside the set-up is unaffected.

    Args:
        owner: a data module, or a module that has its own loaders.
        seed: the study's.
    """
    for name in SET_UP:
        if overrides(owner, name):
            method = getattr(owner, name)
            call = functools.update_wrapper(functools.partial(_call_seeded, method, seed), method)
            # On the object, not in a subclass: it keeps the class that the user wrote.
            object.__setattr__(owner, name, call)


def _call_seeded(method: Callable[..., Any], seed: int, /, *args: Any, **named: Any) -> Any:
    trainer, name = trainer_of(getattr(method, "__self__", None)), method.__name__
    epoch = reloaded_epoch(trainer) if name in _KEPT else 0
    drawn_for = (epoch,) if epoch and name == "train_dataloader" else ()
    with seeded(seed, *drawn_for), _as_of(trainer, epoch):
        return method(*args, **named)


@contextmanager
def _as_of(trainer: Any, epoch: int) -> Iterator[None]:
    """Makes a Trainer, if there is one, say inside the block that an earlier epoch is under way."""
    if trainer is None:
        yield
        return
    progress = trainer.fit_loop.epoch_progress.current
    now, progress.completed = progress.completed, epoch
    try:
        yield
    finally:
        progress.completed = now


def reloaded_epoch(trainer: Any) -> int:
    """Returns the epoch whose loaders an uninterrupted trial has in the current one.

    They are those of the first epoch, unless the Trainer reloads them every few epochs.
    """
    every = getattr(trainer, "reload_dataloaders_every_n_epochs", 0)
    return int(trainer.current_epoch) // every * every if every else 0


def _mix(parts: tuple[int, ...]) -> int:
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return int.from_bytes(digest[:4], "little")


class ReseedEachEpoch(pl.Callback):
    """Makes the random numbers of an epoch depend on (seed, epoch) only, not on earlier epochs.

    With a data order that also follows from (seed, epoch), a trial resumed at an epoch's start
    equals an uninterrupted one, bit for bit; neither alone is enough.
    """

    supports_multi_step = True

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Reseeds before the epoch's first batch is used."""
        # Multi-step training does not number its first batch; Lightning's own count is always
        # right.
        if trainer.fit_loop.epoch_loop.batch_idx == 0:
            # The processes of one trial drop different units, but begin with the same weights.
            seed_all(self._seed, trainer.current_epoch, *filter(None, (trainer.global_rank,)))
