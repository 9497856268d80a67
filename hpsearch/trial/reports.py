"""What happens after a validation: report, checkpoint, ask, obey."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch

from hpsearch.internals.lightning import has_read_epoch, is_epoch_trained
from hpsearch.protocol.events import EventLog
from hpsearch.protocol.job import Job, counts_validations
from hpsearch.protocol.messages import Decision, Message, Report, Started, TrialOutcome
from hpsearch.protocol.types import Direction, primary
from hpsearch.trial.fingerprint import data_facts
from hpsearch.trial.inference.cost import LATENCY, LatencyProbe, count_parameters, known_size
from hpsearch.trial.ranks import agree
from hpsearch.trial.saving import checkpoint
from hpsearch.trial.saving.claim import Claim
from hpsearch.trial.saving.confusion import write_confusion
from hpsearch.trial.saving.model_checkpoint import ReadAsModelCheckpoint
from hpsearch.trial.stage import NotFiniteError
from hpsearch.trial.validations import (
    NOTHING_VALIDATED,
    BadMetricError,
    FreshMetrics,
    epoch_of,
    epochs_done,
    is_before_average,
    is_last_validation,
    pick_objectives,
    stop,
    validates,
)

Send = Callable[[Message], Decision | None]

# How many validations in a row may lack a usable value: a metric that is logged only now and then,
# or is NaN for a while, does no harm; a misspelt one or a diverged trial ends soon.
UNUSABLE_IN_A_ROW = 3


class RefusedError(Exception):
    """The coordinator does not let the trial train, and knows why."""


class Reports(ReadAsModelCheckpoint):
    """Reports every validation, saves the trial's state, and obeys the coordinator's decision.

    If nothing is validated, every epoch is reported. A validation within an epoch is reported at
    once, and the last one of an epoch when the epoch ends, with the training metrics. A report, its
    checkpoint and its point of the curve belong to the same weights.

    It is a `Checkpoint`, so that Lightning calls it after every other callback and their state
    (early stopping's patience, averaged weights) is saved too, and so that a module finds what it
    expects of `trainer.checkpoint_callback`.

    Args:
        job: the trial.
        log: the trial's own record; a report is in it before the coordinator receives it.
        send: sends a message and returns the decision on a report.
        claim: this process's claim to the trial's folder; None in a trial's processes other than
            rank 0.
        done: the step of the checkpoint that the trial continues from; 0 for a fresh trial.
        notes: what was wrong with earlier checkpoints, and what a resume cannot promise.
        latency: measures the model's latency; None where it is not an objective.
    """

    def __init__(
        self,
        job: Job,
        log: EventLog,
        send: Send,
        claim: Claim | None,
        done: int,
        notes: list[str],
        latency: LatencyProbe | None = None,
    ) -> None:
        self._objectives = job.objectives
        self._by_validation = counts_validations(job.config["trainer"])
        self._epochs = job.config["trainer"].get("max_epochs")
        self._data_arguments = (job.config.get("data") or {}).get("init_args")
        self._folder = Path(job.folder)
        self._owner = job.owner
        self._log = log
        self._send = send
        self._claim = claim
        self._done = self._step = done
        self._notes = notes
        self._latency = latency
        self._seconds_before = log.reports[-1].seconds if log.reports else 0.0
        self._started = time.monotonic()
        self._fresh = FreshMetrics()
        self._validated: dict[str, float] | None = None
        self._unusable: list[Exception] = []
        self.how: TrialOutcome = "complete"
        self.monitor, direction = self._primary
        self.mode = direction[:3]
        self.dirpath = job.folder

    @property
    def best_model_path(self) -> str:
        """The checkpoint of the best validation; empty before there is one, as in Lightning."""
        return str(path) if (path := self._folder / checkpoint.BEST).exists() else ""

    @property
    def last_model_path(self) -> str:
        """The checkpoint that the trial would resume from; empty before there is one."""
        return str(path) if (path := self._folder / checkpoint.LAST).exists() else ""

    @property
    def best_model_score(self) -> torch.Tensor | None:
        """The best value of the first objective."""
        best = self._log.best(*self._primary)
        return torch.tensor(best.values[self.monitor]) if best else None

    def catch_up(self) -> None:
        """Keeps the checkpoint that the trial continues from as the best one, if it is the best.

        A kill may have come between saving and keeping. Lightning cannot call this: it begins no
        training of a trial whose last epoch is done.
        """
        last = self._folder / checkpoint.LAST
        of_best = self._done and self._best_step == self._done
        if self._claim and of_best and checkpoint.is_of_report(last):
            self._keep_best()

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Reports that the trial is about to train, and what is known about it by now.

        Raises:
            RefusedError: it may not train after all.
        """
        data, facts = getattr(trainer, "datamodule", None) or pl_module, {}
        if self._claim:
            facts = _facts(trainer, pl_module) | data_facts(trainer, data, self._data_arguments)
        if self._ask(trainer, Started(self._done, facts, self._notes)) == "stop":
            raise RefusedError

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Begins an epoch: only what is logged from now on counts as its metrics."""
        self._fresh.begin_epoch(trainer)

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Begins a validation: only what is logged from now on counts as its metrics."""
        self._fresh.begin_validation(trainer)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Reports a validation within an epoch; leaves one at its end to the epoch's end."""
        if trainer.sanity_checking:
            return
        found = self._fresh.of_validation(trainer)
        if is_epoch_trained(trainer):
            self._validated = found
        else:
            self._take(trainer, pl_module, found | self._fresh.of_training(trainer))

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Reports the epoch if it was validated at its end, or if nothing is validated.

        A decision only sets `trainer.should_stop`: an exception here makes Lightning skip the
        teardown of everything else, which is right only for a trial that has failed.

        Raises:
            BadMetricError: an objective was missing several times in a row; the trial fails.
            NotFiniteError: an objective was not a finite number several times in a row; the trial
                fails.
            SupersededError: another process trains this trial now; nothing is written.
        """
        found, self._validated = self._validated, None
        if found is not None or not validates(trainer):
            self._take(trainer, pl_module, self._fresh.of_training(trainer) | (found or {}))
        elif has_read_epoch(trainer):
            # Lightning still holds the metrics of an earlier validation: nothing new to report.
            if not self._by_validation:
                self._step = epoch_of(trainer, self._epochs)
            self._save(trainer, reported=False)

    def end(self) -> dict[str, Any]:
        """Returns what is known at the trial's end.

        Raises:
            BadMetricError: nothing was ever reported.
            NotFiniteError: nothing finite was ever reported.
        """
        if not self._log.reports:
            raise self._unusable[-1] if self._unusable else BadMetricError(NOTHING_VALIDATED)
        last, best = self._log.reports[-1], self._log.best(*self._primary)
        assert best is not None
        return {
            "epochs": last.step,
            "seconds": round(last.seconds, 3),
            "best_step": best.step,
            "checkpoint": checkpoint.BEST,
            **{name: int(last.metrics[name]) for name in {"parameters"} & last.metrics.keys()},
            **({"unusable": str(self._unusable[-1])} if self._unusable else {}),
            **(self._latency.facts if self._latency else {}),
        }

    def _take(
        self, trainer: pl.Trainer, module: pl.LightningModule, found: dict[str, float]
    ) -> None:
        """Takes a validation's metrics: reports them, saves, asks and obeys."""
        if is_before_average(trainer, self._epochs):
            self._save(trainer, reported=False)
            return
        self._step = self._step + 1 if self._by_validation else epoch_of(trainer, self._epochs)
        found = agree(found)
        metrics = found | self._measures(trainer, module, found)
        try:
            values = pick_objectives(metrics, self._objectives, found, module)
        except (BadMetricError, NotFiniteError) as error:
            self._pass_over(trainer, error)
            return
        self._unusable.clear()
        last = is_last_validation(trainer, self._epochs)
        report = Report(self._step, values, metrics, metrics["seconds"], last)
        if self._claim:
            self._claim.hold()
        self._log.append(report)
        best = self._best_step == report.step
        if best:
            # Before the checkpoint: a later attempt can keep that as the best, but cannot count
            # again.
            write_confusion(trainer, module, self._folder)
        self._save(trainer, reported=True)
        if best and self._claim:
            self._keep_best()
        self._obey(trainer, self._ask(trainer, report), last)

    def _ask(self, trainer: pl.Trainer, message: Message) -> Decision | None:
        """Returns the decision on a message; rank 0 asks on behalf of all."""
        decision: Decision | None = trainer.strategy.broadcast(self._send(message))
        return decision

    def _obey(self, trainer: pl.Trainer, decision: Decision | None, last: bool) -> None:
        if decision == "continue":
            return
        if not last:
            self.how = "pruned" if decision == "prune" else "stopped"
        stop(trainer)

    def _pass_over(self, trainer: pl.Trainer, error: Exception) -> None:
        """Skips a validation without usable values; the third in a row ends the training.

        Raises:
            BadMetricError, NotFiniteError: the third in a row, and no earlier one was usable.
        """
        self._unusable.append(error)
        if len(self._unusable) < UNUSABLE_IN_A_ROW:
            self._save(trainer, reported=False)
            return
        if not self._log.reports:
            raise error
        stop(trainer)

    def _measures(self, trainer: Any, module: Any, found: Collection[str]) -> dict[str, float]:
        """Returns what is measured in every trial, such as its size, besides what was found."""
        measures = {
            "parameters": float(count_parameters(module)),
            "seconds": self._seconds_before + time.monotonic() - self._started,
        }
        if self._latency and LATENCY not in found:
            measures[LATENCY] = self._latency.measure(trainer, module)
        if self._by_validation:
            measures |= {"steps": float(trainer.global_step), "epochs": epochs_done(trainer)}
        return measures

    def _save(self, trainer: pl.Trainer, *, reported: bool) -> None:
        if not self._claim:
            checkpoint.take_part(trainer)
            return
        self._claim.hold()
        path = self._folder / checkpoint.LAST
        checkpoint.save(trainer, path, self._step, self._owner, reported=reported)

    @property
    def _primary(self) -> tuple[str, Direction]:
        return primary(self._objectives)

    @property
    def _best_step(self) -> int | None:
        best = self._log.best(*self._primary)
        return best.step if best else None

    def _keep_best(self) -> None:
        checkpoint.keep(self._folder / checkpoint.LAST, self._folder / checkpoint.BEST)


def _facts(trainer: pl.Trainer, module: pl.LightningModule) -> dict[str, Any]:
    return {
        **known_size(module),
        "device": str(trainer.strategy.root_device),
        "visible_devices": os.environ.get("CUDA_VISIBLE_DEVICES"),
        "pid": os.getpid(),
    }
