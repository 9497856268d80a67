"""Median and percentile pruners that keep the values of complete trials by epoch."""

from __future__ import annotations

import math
from array import array
from collections import defaultdict
from collections.abc import Iterable

import numpy as np
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from hpsearch.search.pruners.kept import KeptPruner


class KeptPercentile(KeptPruner):
    """Makes the decisions of Optuna's `PercentilePruner` and takes its arguments."""

    def __init__(
        self,
        percentile: float,
        n_startup_trials: int,
        n_warmup_steps: int,
        interval_steps: int,
        n_min_trials: int,
    ) -> None:
        self._percentile = percentile
        self._startup = n_startup_trials
        self._warmup = n_warmup_steps
        self._interval = interval_steps
        self._min_trials = n_min_trials
        self._values: dict[int, array[float]] = defaultdict(lambda: array("d"))
        self._completed = 0

    def know(self, study: Study, trials: Iterable[FrozenTrial]) -> None:
        """Adds the existing trials to the state."""
        for trial in trials:
            if trial.state == TrialState.COMPLETE:
                self.complete(trial)

    def complete(self, trial: FrozenTrial) -> None:
        """Adds a trial that has completed to the state."""
        self._completed += 1
        for step, value in trial.intermediate_values.items():
            self._values[step].append(value)

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Returns whether the trial's best value so far is among the worse ones of its epoch."""
        step = trial.last_step
        if not self._completed or self._completed < self._startup or step is None:
            return False
        if step < self._warmup or not self._is_due(step, trial):
            return False
        maximizes = study.direction == StudyDirection.MAXIMIZE
        own = np.asarray([*trial.intermediate_values.values()], dtype=float)
        if np.isnan(own).all():
            return True
        best = float(np.nanmax(own) if maximizes else np.nanmin(own))
        bound = self._bound(step, maximizes)
        return best < bound if maximizes else best > bound

    def reason(self, study: Study, trial: FrozenTrial, metric: str, unit: str) -> str:
        """Returns the trial's best value so far, and the percentile that it is behind."""
        step = max(trial.intermediate_values)
        maximizes = study.direction == StudyDirection.MAXIMIZE
        best = (max if maximizes else min)(trial.intermediate_values.values())
        others = len(self._values[step])
        which = "median" if self._percentile == 50 else f"bar for the best {self._percentile:g} %"
        return (
            f"its best {metric} by {unit} {step} is {best:.4g}, behind"
            f" {self._bound(step, maximizes):.4g}, the {which} of {others} complete"
            f" trial{'s' * (others > 1)}"
        )

    def _is_due(self, step: int, trial: FrozenTrial) -> bool:
        """Returns whether this is the trial's first report since the last step of the interval."""
        due = (step - self._warmup) // self._interval * self._interval + self._warmup
        return max((each for each in trial.intermediate_values if each != step), default=-1) < due

    def _bound(self, step: int, maximizes: bool) -> float:
        """Returns the percentile at an epoch; NaN, which fails every comparison, without values."""
        values = np.frombuffer(self._values[step]) if self._values[step] else np.empty(0)
        if len(values) < self._min_trials or np.isnan(values).all():
            return math.nan
        share = 100 - self._percentile if maximizes else self._percentile
        return float(np.nanpercentile(values, share))
