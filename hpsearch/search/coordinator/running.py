"""A trial that has a slot now, as its coordinator knows it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from optuna.trial import Trial

from hpsearch.engines.slots import Slot
from hpsearch.protocol.job import Job, counts_validations
from hpsearch.protocol.messages import Ended, Report


@dataclass(frozen=True)
class TrialLimits:
    """How long a trial may train, and how long it may be silent.

    Attributes:
        silent_s: seconds without a sign of life after which it is killed and retried; None for no
            limit.
        seconds: training time, over all attempts, after which it fails; None for no limit.
    """

    silent_s: float | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Timeout:
    """A limit that a trial has passed.

    Attributes:
        reason: which limit, in words that continue "its process ...".
        hung: whether it was silent for too long, rather than training for too long.
    """

    reason: str
    hung: bool


@dataclass
class RunningTrial:
    """A trial in a slot.

    Attributes:
        begun: whether the engine has it; before that, it waits until the database has its row.
        ended: how it ended, as it reported itself.
        rejection: why it is not allowed to train; None if it is.
        paused_at: epochs of the rung that it pauses at; 0 if it does not.
        killed: whether it was killed because the search stops.
        has_size: whether the size of its model is known; with lazy layers, from a report on.
        timeout: the limit for which it was killed; None if it was not.
        heard: `time.monotonic()` of its last sign of life.
        reported: the same of its last report, or of its beginning.
    """

    trial: Trial
    job: Job
    slot: Slot
    reports: list[Report] = field(default_factory=list)
    begun: bool = False
    ended: Ended | None = None
    rejection: Ended | None = None
    has_size: bool = False
    paused_at: int = 0
    killed: bool = False
    timeout: Timeout | None = None
    samples_per_s: float | None = None
    heard: float = 0.0
    reported: float = 0.0

    @property
    def epochs(self) -> int:
        """How many epochs it has done."""
        return max((report.step for report in self.reports), default=0)

    def resumption(self, done: int) -> str:
        """Returns how its next attempt begins after so many reports, to end a sentence."""
        unit = "validation" if counts_validations(self.job.config["trainer"]) else "epoch"
        return f"it continues after {unit} {done}" if done else "it starts over"

    def begin(self) -> None:
        """Starts its clocks."""
        self.begun = True
        self.heard = self.reported = time.monotonic()

    def reject(self, ended: Ended | None) -> bool:
        """Takes why it may not train, if there is a reason; returns whether there is."""
        self.rejection = self.rejection or ended
        self.ended = self.rejection or self.ended
        return self.rejection is not None

    def too_large(self, facts: Mapping[str, Any], most: int | None) -> Ended | None:
        """Returns how it ends if its model is too large, once that is known; None if it may train.

        Args:
            facts: what it has reported of its model.
            most: trainable numbers that a model may have; None for no limit.
        """
        parameters = None if self.has_size else facts.get("parameters")
        self.has_size |= parameters is not None
        if most is None or parameters is None or parameters <= most:
            return None
        words = f"its model has {int(parameters):,} parameters; study.max_parameters is {most:,}"
        return Ended("failed", words, "infeasible")

    def heartbeat(self, *, report: Report | None = None) -> None:
        """Records a sign of life, and the report of an epoch."""
        self.heard = time.monotonic()
        if report is not None:
            self.reports.append(report)
            self.reported = self.heard

    def check_timeouts(self, limits: TrialLimits, now: float) -> Timeout | None:
        """Returns the limit that it has passed at this time; None if none."""
        if limits.silent_s is not None and now - self.heard > limits.silent_s:
            silence = f"gave no sign of life for {limits.silent_s:.4g} s (study.hang_timeout)"
            return Timeout(silence, hung=True)
        seconds = (self.reports[-1].seconds if self.reports else 0.0) + now - self.reported
        if limits.seconds is not None and seconds > limits.seconds:
            length = f"trained for more than {limits.seconds:.4g} s (study.trial_timeout)"
            return Timeout(length, hung=False)
        return None
