"""Measures how long the steps of a training take, on the first few."""

from __future__ import annotations

import statistics
import time
from itertools import pairwise
from typing import Any

import pytorch_lightning as pl

# The first batches of a process allocate memory and load kernels, which takes longer.
UNTIMED, TIMED = 3, 6
LONG_S = 4.0


class Clock(pl.Callback):
    """Times training steps and validation batches, and ends the epoch once it has seen enough."""

    def __init__(self) -> None:
        self.end_times: list[float] = []
        self.validation: list[float] = []
        self._enough = UNTIMED + TIMED

    def go_on(self) -> None:
        """Allows a few more batches."""
        self._enough = len(self.end_times) + 1

    def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
        """Ends the epoch once enough batches, or enough seconds, have passed."""
        self.end_times.append(time.perf_counter())
        steps = len(self.end_times) - 1
        long = steps >= 1 and self.end_times[-1] - self.end_times[0] > LONG_S
        if long or steps >= self._enough:
            # Not by a limit on batches: the epoch keeps its length, on which schedules depend.
            trainer.should_stop = True

    def on_validation_batch_start(self, *_: Any) -> None:
        """Starts the clock of a validation batch."""
        self.validation.append(-time.perf_counter())

    def on_validation_batch_end(self, *_: Any) -> None:
        """Stops the clock of a validation batch."""
        self.validation[-1] += time.perf_counter()

    def seconds_per_step(self) -> float:
        """Returns the median of the steps after the first few; 0 without any."""
        steps = [later - sooner for sooner, later in pairwise(self.end_times)]
        return statistics.median(steps[UNTIMED:] or steps[-1:] or [0.0])

    def seconds_per_validation(self) -> float:
        """Returns the time of the last validation batch; 0 without any."""
        return self.validation[-1] if self.validation else 0.0
