"""A few real batches of a configuration: whether it trains, and what a whole trial would cost."""

from __future__ import annotations

import io
import time
from itertools import pairwise
from typing import Any

import pytorch_lightning as pl
import torch

from hpsearch.spec.job import Job
from hpsearch.trial.epoch_end import count_parameters
from hpsearch.trial.lightning_tree import tree_of
from hpsearch.trial.run import build_data, build_module, build_trainer, prepare
from hpsearch.trial.seeding import seed_all

TIMED_STEPS = 4


class _Clock(pl.Callback):
    """Notes when each training step begins, and how long a validation batch takes."""

    def __init__(self) -> None:
        self.steps: list[float] = []
        self.validation: list[float] = []

    def on_train_batch_start(self, *_: Any) -> None:
        self.steps.append(time.perf_counter())

    def on_validation_batch_start(self, *_: Any) -> None:
        self.validation.append(-time.perf_counter())

    def on_validation_batch_end(self, *_: Any) -> None:
        self.validation[-1] += time.perf_counter()


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
    prepare(job)
    seed_all(job.seed)
    data = build_data(job)
    module = build_module(job, data)
    clock = _Clock()
    # Callbacks of the study wait for metrics of whole epochs: a batch cannot please them.
    given = {key: value for key, value in job.config["trainer"].items() if key != "callbacks"}
    arguments = given | {
        "max_epochs": 1,
        "limit_train_batches": TIMED_STEPS,
        "limit_val_batches": 1,
        "enable_checkpointing": False,
        "logger": False,
    }
    trainer = build_trainer(job, tree_of(module), arguments, [clock], [])
    trainer.fit(module, datamodule=data)
    steps = [later - sooner for sooner, later in pairwise(clock.steps)]
    state = io.BytesIO()
    optimizers = [optimizer.state_dict() for optimizer in trainer.optimizers]
    torch.save({"weights": module.state_dict(), "optimizers": optimizers}, state)
    return {
        "parameters": count_parameters(module),
        "metrics": sorted(trainer.callback_metrics),
        # The first step pays for memory and kernels that the others find ready.
        "seconds_per_step": min(steps) if steps else 0.0,
        "steps_per_epoch": _batches(data.train_dataloader()),
        "validation_seconds": sum(clock.validation) * _batches(data.val_dataloader()),
        "checkpoint_bytes": state.tell(),
    }


def _batches(loader: Any) -> int:
    return len(loader) if hasattr(loader, "__len__") else 0
