"""A few real batches of a configuration: whether it trains, and what a whole trial would cost."""

from __future__ import annotations

import io
import math
import statistics
import time
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import pytorch_lightning as pl
import torch

from hpsearch.protocol.job import Job
from hpsearch.trial.epoch_end import count_parameters
from hpsearch.trial.lightning_namespace import tree_of
from hpsearch.trial.multi_step import enable_multi_step
from hpsearch.trial.multi_step_support import multi_step_blocker
from hpsearch.trial.run import build_data, build_module, build_trainer, prepare
from hpsearch.trial.seeding import seed_all
from hpsearch.trial.speed import accelerate

# The first batches of a process pay for memory and kernels that the others find ready.
UNTIMED, TIMED = 3, 6
VALIDATED = 2
LONG_S = 4.0


class _Clock(pl.Callback):
    """Times training steps and validation batches, and ends the epoch when it has seen enough."""

    def __init__(self) -> None:
        self.ends: list[float] = []
        self.validation: list[float] = []

    def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
        self.ends.append(time.perf_counter())
        steps = len(self.ends) - 1
        long = steps >= 1 and self.ends[-1] - self.ends[0] > LONG_S
        if long or steps >= UNTIMED + TIMED:
            # Not by a limit on batches: the epoch's length, and all that depends on it, stays.
            trainer.should_stop = True

    def on_validation_batch_start(self, *_: Any) -> None:
        self.validation.append(-time.perf_counter())

    def on_validation_batch_end(self, *_: Any) -> None:
        self.validation[-1] += time.perf_counter()

    def seconds_per_step(self) -> float:
        """Returns the median of the steps after the first few; 0 without any."""
        steps = [later - sooner for sooner, later in pairwise(self.ends)]
        return statistics.median(steps[UNTIMED:] or steps[-1:] or [0.0])

    def seconds_per_validation(self) -> float:
        """Returns the time of the last validation batch; 0 without any."""
        return self.validation[-1] if self.validation else 0.0


def probe(job: Job) -> dict[str, Any]:
    """Trains and validates on a few real batches, writes nothing, and says what that took.

    Returns:
        `parameters` (count), `metrics` (names logged), `seconds_per_step`, `steps_per_epoch`,
        `validation_seconds` (an epoch's), `checkpoint_bytes`; or `failure`, one line, if it
        cannot train.
    """
    try:
        return _probe(job)
    except Exception as error:
        return {"failure": f"{type(error).__name__}: {' '.join(str(error).split())}"}


def _probe(job: Job) -> dict[str, Any]:
    clock = _Clock()
    module, trainer = fit_briefly(job, clock, epochs=1)
    limit = job.config["trainer"].get("limit_val_batches", 1.0)
    state = io.BytesIO()
    optimizers = [optimizer.state_dict() for optimizer in trainer.optimizers]
    torch.save({"weights": module.state_dict(), "optimizers": optimizers}, state)
    return {
        "parameters": count_parameters(module),
        "metrics": sorted(trainer.callback_metrics),
        "seconds_per_step": clock.seconds_per_step(),
        "steps_per_epoch": finite(trainer.num_training_batches),
        "validation_seconds": clock.seconds_per_validation()
        * sum(limited(_length(loader), limit) for loader in _each(trainer.val_dataloaders)),
        "checkpoint_bytes": state.tell(),
    }


def fit_briefly(job: Job, clock: pl.Callback, epochs: int) -> tuple[pl.LightningModule, Any]:
    """Trains as a trial does until the clock has seen enough, and writes nothing.

    Args:
        job: the configuration.
        clock: a callback that sets `should_stop`.
        epochs: how many are trained at most; each validates on a few batches.

    Returns:
        The module, and the Trainer that has fitted it.
    """
    prepare(job)
    seed_all(job.seed)
    data = build_data(job)
    module = build_module(job, data)
    accelerate(module, job)
    # Callbacks of the study wait for metrics of whole epochs: a batch cannot please them.
    given = {key: value for key, value in job.config["trainer"].items() if key != "callbacks"}
    arguments = given | {
        "max_epochs": epochs,
        "min_epochs": None,
        "min_steps": None,
        "limit_val_batches": VALIDATED if given.get("limit_val_batches", 1.0) else 0,
        "check_val_every_n_epoch": given.get("check_val_every_n_epoch", 1) and 1,
        "enable_checkpointing": False,
        "logger": False,
    }
    if multi_step_blocker(module, data, {**job.config, "trainer": arguments}, [clock]) is None:
        enable_multi_step(module)
    trainer = build_trainer(job, tree_of(module), arguments, [clock], [])
    trainer.fit(module, datamodule=data)
    return module, trainer


def limited(batches: int, limit: float | None) -> int:
    """Returns how many batches Lightning's `limit_val_batches` leaves.

    Args:
        batches: how many there are.
        limit: a number of them (an int), a part of them (a float from 0 to 1), or None for all.
    """
    if limit is None:
        return batches
    return min(limit, batches) if isinstance(limit, int) else int(limit * batches)


def finite(batches: float) -> int:
    """Returns the number of batches; 0 where the data do not tell it."""
    return int(batches) if math.isfinite(batches) else 0


def _length(loader: Any) -> int:
    return len(loader) if hasattr(loader, "__len__") else 0


def _each(loaders: Any) -> list[Any]:
    if isinstance(loaders, Mapping):
        return [*loaders.values()]
    if isinstance(loaders, list | tuple):
        return [*loaders]
    return [] if loaders is None else [loaders]
