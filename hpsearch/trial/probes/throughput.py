"""How fast a configuration trains, and how well: real steps timed, or taken and then validated."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

import pytorch_lightning as pl
import torch

from hpsearch.data.test_access import keep_test_split_closed
from hpsearch.internals.lightning import compile_seconds
from hpsearch.protocol.job import Job
from hpsearch.protocol.types import primary
from hpsearch.trial.causes import whole_line
from hpsearch.trial.lightning_namespace import namespace_of
from hpsearch.trial.progress import samples_of
from hpsearch.trial.rehearsal import VALIDATED, finite
from hpsearch.trial.seeding import seed_all
from hpsearch.trial.speedups.matrix_products import is_onednn_accurate
from hpsearch.trial.speedups.multi_step import enable_multi_step
from hpsearch.trial.speedups.multi_step_support import multi_step_blocker
from hpsearch.trial.speedups.speed import accelerate, takes_channels_last
from hpsearch.trial.trainer import build_trainer
from hpsearch.trial.training import build_data, build_module, prepare

# First a warm-up of memory, kernels and compiling; then long enough to average out single steps.
UNTIMED, UNTIMED_S = 3, 0.5
TIMED, TIMED_S, LONG_S = 6, 1.5, 20.0
# Enough for an objective that hardly depends on which examples they are.
VALIDATED_BATCHES = 50
# Short epochs follow each other until the time is up.
EPOCHS = 1_000_000


class _Stopwatch(pl.Callback):
    """Times training, over several epochs if they are short, without validation or compiling."""

    def __init__(self, until_s: float) -> None:
        self.steps = self.samples = 0
        self.seconds = 0.0
        self._until_s = until_s
        self._untimed = 0
        self._warm = False
        self._began = time.perf_counter()
        self._since: float | None = None
        self._compiled = 0.0

    def on_train_batch_end(self, trainer: Any, _: Any, outputs: Any, batch: Any, *__: Any) -> None:
        now = time.perf_counter()
        if not self._warm:
            self._warm_up(now)
            return
        self.steps += 1
        self.samples += samples_of(batch)
        elapsed = self.seconds + now - (self._since or now)
        if elapsed >= LONG_S or (elapsed >= self._until_s and self.steps >= TIMED):
            # Not by a limit on batches: the epoch's length, and all that depends on it, stays the
            # same.
            trainer.should_stop = True

    def on_validation_start(self, *_: Any) -> None:
        self._pause()

    def on_validation_end(self, trainer: Any, *_: Any) -> None:
        if self._warm and not trainer.should_stop:
            self._go_on()

    def on_train_end(self, *_: Any) -> None:
        self._pause()

    def _warm_up(self, now: float) -> None:
        if not self._untimed:
            self._began = now
        self._untimed += 1
        if self._untimed >= UNTIMED and now - self._began >= min(UNTIMED_S, self._until_s):
            self._warm = True
            self._go_on()

    def _go_on(self) -> None:
        self._since, self._compiled = _now(), compile_seconds()

    def _pause(self) -> None:
        if self._since is not None:
            self.seconds += _now() - self._since - (compile_seconds() - self._compiled)
            self._since = None


@keep_test_split_closed()
def throughput(job: Job, cache: str, until_s: float = TIMED_S) -> dict[str, Any]:
    """Trains for a few seconds as a trial does, writes nothing, and returns how fast that was.

    Args:
        job: the configuration.
        cache: the folder for what torch compiles.
        until_s: seconds of training that are timed.

    Returns:
        `seconds_per_step`, `samples_per_second` (0 if unknown), `steps_per_epoch` (0 if unknown),
        `compile_seconds` (validation's included), `takes_channels_last` (there are weights to
        which it would make a difference), `takes_onednn` (its matrix products are accurate here);
        or `failure`, one line, if it cannot train.
    """
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = cache
    try:
        return _throughput(job, until_s)
    except Exception as error:
        return _failure(error)


@keep_test_split_closed()
def short_training(job: Job, steps: int) -> dict[str, Any]:
    """Trains for some steps, at most an epoch, validates, writes nothing.

    Args:
        job: the configuration.
        steps: training batches; a schedule is that of a training of this length.

    Returns:
        `value`, the first objective after it; or `failure`, one line, if there is none.
    """
    name, _ = primary(job.objectives)
    given = job.config["trainer"].get("limit_val_batches", 1.0)
    few = VALIDATED_BATCHES if given == 1.0 and isinstance(given, float) else given
    changes = {
        "max_epochs": 1,
        "max_steps": -1,
        "limit_train_batches": steps,
        "limit_val_batches": few,
        "val_check_interval": 1.0,
        "num_sanity_val_steps": 0,
    }
    try:
        _, trainer = _fit_briefly(job, [], changes)
    except Exception as error:
        return _failure(error)
    if name not in trainer.callback_metrics:
        return {"failure": f"a short training does not log {name}"}
    value = float(trainer.callback_metrics[name])
    return {"value": value} if math.isfinite(value) else {"failure": f"{name} is {value}"}


def _failure(error: Exception) -> dict[str, Any]:
    return {"failure": whole_line(error)}


def _throughput(job: Job, until_s: float) -> dict[str, Any]:
    watch, before = _Stopwatch(until_s), compile_seconds()
    changes = {
        "max_epochs": EPOCHS,
        "limit_val_batches": VALIDATED
        if job.config["trainer"].get("limit_val_batches", 1.0)
        else 0,
    }
    module, trainer = _fit_briefly(job, [watch], changes)
    if not watch.steps:
        return {"failure": "the training ended before it could be timed: see trainer.max_*"}
    compiles = (job.config.get("speed") or {}).get("compile")
    compiled = compile_seconds() - before
    if compiles and not compiled:
        name = type(module).__name__
        return {"failure": f"nothing was compiled: {name}'s steps do not call self(...)"}
    return {
        "seconds_per_step": watch.seconds / watch.steps,
        "samples_per_second": watch.samples / watch.seconds,
        "steps_per_epoch": finite(trainer.num_training_batches),
        "compile_seconds": compiled,
        "takes_channels_last": takes_channels_last(module),
        "takes_onednn": job.device == "cpu" and is_onednn_accurate(module),
    }


def _fit_briefly(
    job: Job, callbacks: Sequence[pl.Callback], changes: Mapping[str, Any]
) -> tuple[pl.LightningModule, Any]:
    """Trains as a trial does, but for some of the Trainer's arguments, and writes nothing.

    Returns:
        The module, and the Trainer that has fitted it.
    """
    job = prepare(job)
    seed_all(job.seed)
    data = build_data(job)
    module = build_module(job, data)
    accelerate(module, job)
    # The study's callbacks wait for metrics of whole epochs, which a few batches do not give.
    given = {key: value for key, value in job.config["trainer"].items() if key != "callbacks"}
    arguments = given | {
        "min_epochs": None,
        "min_steps": None,
        "check_val_every_n_epoch": given.get("check_val_every_n_epoch", 1) and 1,
        "enable_checkpointing": False,
        "logger": False,
        **changes,
    }
    if multi_step_blocker(module, data, {**job.config, "trainer": arguments}, callbacks) is None:
        enable_multi_step(module)
    trainer = build_trainer(job, namespace_of(module), arguments, [*callbacks], [])
    trainer.fit(module, datamodule=data)
    return module, trainer


def _now() -> float:
    """Returns the time once the device has finished its work."""
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.synchronize()
    return time.perf_counter()
