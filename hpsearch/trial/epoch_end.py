"""What happens when an epoch ends: report, checkpoint, ask, obey."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Checkpoint

from hpsearch.protocol.events import EventLog
from hpsearch.protocol.job import Job
from hpsearch.protocol.messages import Decision, Message, Report, Started, TrialOutcome
from hpsearch.protocol.types import Direction
from hpsearch.trial import checkpoint
from hpsearch.trial.claim import Claim
from hpsearch.trial.confusion import write_confusion
from hpsearch.trial.stage import NotFiniteError

Exchange = Callable[[Message], Decision | None]


class BadMetricError(Exception):
    """An objective cannot be used: it was not logged."""


class EpochEnd(Checkpoint):
    """Reports each epoch's metrics, saves the trial's state, and obeys the coordinator's verdict.

    A `Checkpoint`, so that Lightning calls it after every other callback and what they remember
    (early stopping's patience, averaged weights) is part of what is saved.

    Args:
        job: the trial.
        log: the trial's own record; a report is there before the coordinator hears of it.
        send: sends a message and returns the verdict on a report.
        claim: that the trial's folder is this process's to write.
        done: epochs that earlier attempts have finished.
        notes: what was wrong with the checkpoints that they left.
    """

    def __init__(
        self,
        job: Job,
        log: EventLog,
        send: Exchange,
        claim: Claim,
        done: int,
        notes: Sequence[str] = (),
    ) -> None:
        self._objectives = job.objectives
        self._folder = Path(job.folder)
        self._owner = job.owner
        self._log = log
        self._send = send
        self._claim = claim
        self._done = done
        self._notes = list(notes)
        self._seconds_before = log.reports[-1].seconds if log.reports else 0.0
        self._started = time.monotonic()
        self._validated = False
        self.how: TrialOutcome = "complete"

    def catch_up(self) -> None:
        """Keeps the checkpoint that the trial goes on from as the best one, if it is that.

        A kill may have come between the two. Not for Lightning to call: it begins no training of a
        trial whose last epoch is done.
        """
        if self._done and self._best_step == self._done:
            self._keep_best()

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Says that the trial trains, and what is known of it now."""
        self._send(Started(self._done, _facts(trainer, pl_module), self._notes))

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Remembers that this epoch has values of its own to report."""
        self._validated = not trainer.sanity_checking

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Reports, saves and obeys.

        A verdict only sets `trainer.should_stop`: an exception here makes Lightning skip the
        teardown of everything else, which is right for a trial that has failed and no other.

        Raises:
            BadMetricError: an objective is missing; the trial fails.
            NotFiniteError: an objective is not a finite number; the trial fails.
            SupersededError: another process trains this trial now; nothing is written.
        """
        self._claim.hold()
        if trainer.enable_validation and not self._validated:
            # Lightning still holds the metrics of an earlier epoch: nothing new to report.
            checkpoint.save(trainer, self._folder / checkpoint.LAST, self._owner)
            return
        self._validated = False
        seconds = self._seconds_before + time.monotonic() - self._started
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
        metrics |= {"parameters": float(count_parameters(pl_module)), "seconds": seconds}
        step = trainer.current_epoch + 1
        report = Report(step, pick_objectives(metrics, self._objectives), metrics, seconds)
        self._log.append(report)
        best = self._best_step == step
        if best:
            # Before the checkpoint: a later attempt can keep that as the best, but not count again.
            write_confusion(trainer, pl_module, self._folder)
        checkpoint.save(trainer, self._folder / checkpoint.LAST, self._owner)
        if best:
            self._keep_best()
        verdict = self._send(report)
        if verdict == "prune":
            self.how = "pruned"
        elif verdict == "stop" and step != trainer.max_epochs:
            self.how = "stopped"
        trainer.should_stop |= verdict != "continue"

    def summary(self) -> dict[str, Any]:
        """Returns what is known at the trial's end."""
        last = self._log.reports[-1]
        return {
            "epochs": last.step,
            "seconds": round(last.seconds, 3),
            "best_step": self._best_step,
            "checkpoint": checkpoint.BEST,
        }

    @property
    def _primary(self) -> tuple[str, Direction]:
        return next(iter(self._objectives.items()))

    @property
    def _best_step(self) -> int | None:
        best = self._log.best(*self._primary)
        return best.step if best else None

    def _keep_best(self) -> None:
        checkpoint.keep(self._folder / checkpoint.LAST, self._folder / checkpoint.BEST)


def count_parameters(module: torch.nn.Module) -> int:
    """Returns how many trainable numbers the module has."""
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)


def _facts(trainer: pl.Trainer, module: pl.LightningModule) -> dict[str, Any]:
    data = getattr(trainer, "datamodule", None)
    return {
        "parameters": count_parameters(module),
        "split": getattr(data, "split_fingerprint", None),
        "device": str(trainer.strategy.root_device),
        "visible_devices": os.environ.get("CUDA_VISIBLE_DEVICES"),
        "pid": os.getpid(),
    }


def pick_objectives(
    metrics: Mapping[str, float], objectives: Mapping[str, object]
) -> dict[str, float]:
    """Returns the objectives' values among the metrics.

    Raises:
        BadMetricError: one is missing; the message names the metrics there are.
        NotFiniteError: one is NaN or infinite.
    """
    missing = [name for name in objectives if name not in metrics]
    if missing:
        known = ", ".join(sorted(metrics)) or "none at all"
        raise BadMetricError(
            f"the objective {missing[0]} was not logged; metrics after the epoch: {known}."
            " Log it once per epoch with self.log, or name one of these in study.objective"
        )
    for name in objectives:
        if not math.isfinite(metrics[name]):
            raise NotFiniteError(f"the objective {name} is {metrics[name]}: the training diverged")
    return {name: metrics[name] for name in objectives}
