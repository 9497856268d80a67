"""A rehearsal of a trial: a few batches, a validation, a checkpoint.

It uses everything the trial itself would use: a setting accepted here can be trained, and one that
fails here would fail in the trial, perhaps after hours.
"""

from __future__ import annotations

import difflib
import math
import os
import sys
import tempfile
import threading
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch

from hpsearch.data.test_access import keep_test_split_closed
from hpsearch.internals.lightning import has_validation_data, limit_validation, validation_batches
from hpsearch.protocol.events import EventLog
from hpsearch.protocol.job import Job
from hpsearch.protocol.messages import Ended, Report, from_line, to_line
from hpsearch.protocol.types import primary
from hpsearch.trial.causes import failed, too_few_classes
from hpsearch.trial.clock import Clock
from hpsearch.trial.inference.cost import LatencyProbe, latency_probe
from hpsearch.trial.lightning_namespace import in_namespace
from hpsearch.trial.loggers import services
from hpsearch.trial.reports import UNUSABLE_IN_A_ROW, Reports
from hpsearch.trial.saving import checkpoint
from hpsearch.trial.saving.claim import Claim
from hpsearch.trial.saving.position import DataPosition
from hpsearch.trial.saving.tuning import restrain_tuners
from hpsearch.trial.speedups.multi_step_support import multi_step_blocker
from hpsearch.trial.stage import StageTracker
from hpsearch.trial.trained_model import load_state
from hpsearch.trial.trainer import UnusableError, put_aside
from hpsearch.trial.training import assemble, prepare
from hpsearch.trial.validations import (
    NOTHING_VALIDATED,
    advice_on,
    batches_left,
    is_last_validation,
    planned_validations,
    validates,
    why_not_validated,
)
from hpsearch.trial.warm import has_touched_cuda

VALIDATED = 2
OURS = "hpsearch."
FORKS = sys.platform == "linux"


@dataclass(frozen=True)
class Rehearsal:
    """The findings of a rehearsal.

    Attributes:
        module: the module, trained on a few batches.
        trainer: the Trainer that fitted it.
        clock: how long steps and validations took.
        metrics: names of what was logged.
        notes: a sentence on each part of the study file that is left out.
        length: how many training batches and how many validations the trial has, and how many
            batches a validation has; infinity, or 0 for the last, if unknown.
        single_steps: why its steps are taken one at a time; empty if many are taken at once.
    """

    module: pl.LightningModule
    trainer: Any
    clock: Clock
    metrics: list[str]
    notes: list[str]
    length: tuple[float, float, int]
    single_steps: str = ""


class NotLoggedError(UnusableError):
    """An objective was not logged.

    Attributes:
        logged: names of what was.
        unvalidated: why nothing is validated; empty if something is.
    """

    def __init__(
        self, objective: str, direction: str, logged: Collection[str], unvalidated: str
    ) -> None:
        super().__init__(_not_logged(objective, direction, logged, unvalidated))
        self.logged = sorted(logged)
        self.unvalidated = unvalidated


class RehearsedReports(Reports):
    """Takes a trial's reports as the trial would, until every objective was reported once.

    Args:
        job: the trial.
        clock: asked for more batches as long as one was not.
        latency: see `Reports`.
    """

    def __init__(self, job: Job, clock: Clock, latency: LatencyProbe | None = None) -> None:
        folder = Path(job.folder)
        log = EventLog(folder / "events.jsonl")
        super().__init__(job, log, lambda _: None, Claim(folder), 0, [], latency)
        self._clock = clock
        self._tries = 0
        self.logged: set[str] = set()
        self.reported = False
        self.length = (0.0, 0.0, 0)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Refuses a training that would end before its first validation; brings that forward.

        Raises:
            UnusableError: it would end before that.
        """
        if trainer.enable_validation and has_validation_data(trainer) is None:
            trainer.validating = True
            trainer.fit_loop.epoch_loop.val_loop.setup_data()
            trainer.training = True
        if validates(trainer) and is_last_validation(trainer):
            raise UnusableError(NOTHING_VALIDATED)
        each = sum(map(finite, validation_batches(trainer)))
        self.length = batches_left(trainer), planned_validations(trainer), each
        limit_validation(trainer, VALIDATED)
        trainer.check_val_every_n_epoch = trainer.check_val_every_n_epoch and 1
        trainer.fit_loop.min_epochs = None
        trainer.fit_loop.epoch_loop.min_steps = None

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Leaves a validation that was brought forward to where the trial would report it."""
        if self._by_validation:
            super().on_validation_end(trainer, pl_module)
        elif not trainer.sanity_checking:
            self._validated = self._fresh.of_validation(trainer)

    def _take(self, trainer: Any, module: pl.LightningModule, found: dict[str, float]) -> None:
        self.logged |= found.keys()
        self._tries += 1
        known = found.keys() | self._measures(trainer, module, found).keys()
        missing = [name for name in self._objectives if name not in known]
        if missing and self._tries < min(UNUSABLE_IN_A_ROW, self.length[1]):
            trainer.should_stop = False
            self._clock.go_on()
            return
        if missing:
            raise NotLoggedError(
                missing[0], self._objectives[missing[0]], self.logged, why_not_validated(trainer)
            )
        self.reported = True
        values = {name: found.get(name, 0.0) for name in self._objectives}
        self._log.append(Report(self._tries, values, found, 0.0))
        self._save(trainer, reported=True)
        self._keep_best()
        trainer.should_stop = True


@keep_test_split_closed()
def rehearse(job: Job, where: StageTracker) -> Rehearsal:
    """Trains and validates on a few real batches as the trial would, and keeps no files.

    Args:
        job: the trial.
        where: follows the rehearsal through its stages.

    Raises:
        UnusableError: no trial can be trained like this; the message says what to write instead.
        Exception: whatever the classes of the study raise.
    """
    job = prepare(job)
    with tempfile.TemporaryDirectory() as folder:
        section = put_aside(job.config["trainer"], Path(folder))
        if trouble := services.trouble(section.get("logger")):
            raise UnusableError(trouble)
        with services.aside(section.get("logger"), Path(folder)) as loggers:
            config = {**job.config, "trainer": {**section, "logger": loggers}}
            return _rehearse(replace(job, folder=folder, config=config), where)


def _rehearse(job: Job, where: StageTracker) -> Rehearsal:
    clock, where.forgives = Clock(), True

    def build_reports(namespace: Any) -> list[Any]:
        latency = latency_probe(job, ())
        reports = in_namespace(RehearsedReports, namespace)(job, clock, *latency)
        return [clock, DataPosition([]), *latency, reports]

    training = assemble(job, where, build_reports)
    trainer, reports = training.trainer, training.callbacks[-1]
    notes = [*training.notes, *restrain_tuners(trainer, training.module, continues=False)]
    try:
        trainer.fit(training.module, datamodule=training.data)
    except Exception as error:
        waiting = _waiting_callback(trainer) or _waiting_schedule(trainer)
        if trouble := waiting or too_few_classes(job, training.data):
            raise UnusableError(trouble) from error
        raise
    if not reports.reported:
        raise NotLoggedError(*primary(job.objectives), reports.logged, why_not_validated(trainer))
    if waiting := _waiting_schedule(trainer):
        raise UnusableError(waiting)
    _load_again(training.module, Path(job.folder) / checkpoint.BEST)
    metrics = sorted(reports.logged)
    # Ours are those of a rehearsal here, and rule nothing out in a trial.
    own = [each for each in training.callbacks if not type(each).__module__.startswith(OURS)]
    single = multi_step_blocker(training.module, training.data, job.config, own) or ""
    return Rehearsal(training.module, trainer, clock, metrics, notes, reports.length, single)


def rehearse_apart(job: Job) -> Ended | None:
    """Rehearses a trial in a separate process, so that the trial itself is unaffected.

    Returns:
        How the trial would fail; None if it would not, or if the process died: the trial itself
        then reports more than could be known here.
    """
    if not FORKS or threading.active_count() > 1 or has_touched_cuda():
        return rehearsal_failure(job)
    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.close(read)
            ended = rehearsal_failure(job)
            with os.fdopen(write, "w", encoding="utf-8") as stream:
                stream.write(to_line(ended) if ended else "")
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, encoding="utf-8") as stream:
        line = stream.read()
    os.waitpid(pid, 0)
    return from_line(line) if line else None  # type: ignore[return-value]


def rehearsal_failure(job: Job) -> Ended | None:
    """Returns how a trial would fail; None if it would not."""
    where = StageTracker()
    try:
        rehearse(job, where)
    except (Exception, SystemExit) as error:
        return failed(error, job, where)
    return None


def finite(batches: float) -> int:
    """Returns the number of batches; 0 if the data do not have one."""
    return int(batches) if math.isfinite(batches) else 0


def _load_again(module: pl.LightningModule, path: Path) -> None:
    state = torch.load(path, map_location=module.device, weights_only=True)
    load_state(module, state)


def _not_logged(objective: str, direction: str, logged: Collection[str], unvalidated: str) -> str:
    names = ", ".join(sorted(logged)) or "nothing"
    where = unvalidated and f"; nothing is validated, since {unvalidated}"
    return (
        f"the objective {objective} was not logged; logged was {names}{where}."
        f" {advice_on(objective, logged, direction)}"
    )


def _waiting_callback(trainer: Any) -> str:
    """Returns which callback waits for a metric that is not logged; empty if none does."""
    for callback in trainer.callbacks:
        monitor = getattr(callback, "monitor", None)
        if isinstance(callback, Reports) or monitor in (None, "epoch", "step"):
            continue
        if monitor not in trainer.callback_metrics and trainer.callback_metrics:
            return _not_there(type(callback).__name__, monitor, trainer)
    return ""


def _waiting_schedule(trainer: Any) -> str:
    """Returns which schedule waits for a metric that is not logged; empty if none does."""
    for config in trainer.lr_scheduler_configs:
        known = config.monitor in trainer.callback_metrics
        if config.reduce_on_plateau and config.strict and not known:
            return _not_there(type(config.scheduler).__name__, config.monitor, trainer)
    return ""


def _not_there(what: str, monitor: str, trainer: Any) -> str:
    names = sorted(trainer.callback_metrics)
    meant = difflib.get_close_matches(monitor, names, 1)
    hint = f"; did you mean {meant[0]}?" if meant else ""
    return f"{what} monitors {monitor}, which is not logged; logged was {', '.join(names)}{hint}"
