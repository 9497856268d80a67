"""Successive halving that keeps the values at each rung sorted."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable
from itertools import count

from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from hpsearch.internals.optuna import storage_of, trial_id_of
from hpsearch.search.pruners.kept import KeptPruner

_RUNG = "completed_rung_{}"  # as Optuna names them, so that either can continue the other's search


class HalvingPruner(KeptPruner):
    """Makes the decisions of Optuna's `SuccessiveHalvingPruner` and takes its arguments."""

    def __init__(
        self,
        min_resource: str | int,
        reduction_factor: int,
        min_early_stopping_rate: int,
        bootstrap_count: int,
    ) -> None:
        self._first = min_resource if isinstance(min_resource, int) else 0
        self._factor = reduction_factor
        self._rate = min_early_stopping_rate
        self._bootstrap = bootstrap_count
        self._rungs: dict[int, list[float]] = defaultdict(list)
        self._longest: int | None = None

    def know(self, study: Study, trials: Iterable[FrozenTrial]) -> None:
        """Adds the existing trials to the state."""
        for trial in trials:
            for rung in range(_rung_of(trial)):
                self._rungs[rung].append(trial.system_attrs[_RUNG.format(rung)])
            if trial.state == TrialState.COMPLETE:
                self.complete(trial)
        for values in self._rungs.values():
            values.sort()

    def complete(self, trial: FrozenTrial) -> None:
        """Adds a trial that has completed to the state."""
        if trial.last_step is not None:
            self._longest = max(self._longest or 0, trial.last_step)

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Returns whether the trial is too far behind at a rung that it has reached."""
        step = trial.last_step
        if step is None:
            return False
        value = trial.intermediate_values[step]
        for rung in count(_rung_of(trial)):
            if not self._first and not self._estimate_first():
                return False
            if step < self._first * self._factor ** (self._rate + rung):
                return False
            if math.isnan(value):
                return True
            storage = storage_of(study)
            storage.set_trial_system_attr(trial_id_of(trial), _RUNG.format(rung), value)
            values = self._rungs[rung]
            insort(values, value)
            if len(values) <= self._bootstrap or not self._goes_on(value, values, study.direction):
                return True
        return False

    def reason(self, study: Study, trial: FrozenTrial, metric: str, unit: str) -> str:
        """Returns the trial's place at the last rung that it has reached."""
        step = max(trial.intermediate_values)
        value = trial.intermediate_values[step]
        values = self._rungs[_rung_of(trial) - 1]
        better = bisect_left(values, value)
        if study.direction == StudyDirection.MAXIMIZE:
            better = len(values) - bisect_right(values, value)
        place = f"{metric} was {value:.4g} after {unit} {step}: place {better + 1} of {len(values)}"
        if len(values) <= self._bootstrap:
            first = f"first {self._bootstrap} trials all end"
            first = first if self._bootstrap > 1 else "first trial ends"
            return f"{place} at its rung, whose {first} there"
        best = max(len(values) // self._factor, 1)
        who = "the best one continues" if best == 1 else f"the best {best} continue"
        return f"{place} at its rung, where {who}"

    def _estimate_first(self) -> int:
        """Sets the first rung to a hundredth of the longest training, once one is known."""
        if self._longest is not None:
            self._first = max(self._longest // 100, 1)
        return self._first

    def _goes_on(self, value: float, values: list[float], direction: StudyDirection) -> bool:
        last = max(len(values) // self._factor - 1, 0)
        if direction == StudyDirection.MAXIMIZE:
            return value >= values[-(last + 1)]
        return value <= values[last]


def _rung_of(trial: FrozenTrial) -> int:
    """Returns how many rungs the trial has passed."""
    return next(rung for rung in count() if _RUNG.format(rung) not in trial.system_attrs)
