"""Hyperband: successive halving in several brackets, with each trial in one of them."""

from __future__ import annotations

import math
import zlib
from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from hpsearch.search.pruners.halving import HalvingPruner
from hpsearch.search.pruners.kept import KeptPruner


class KeptHyperband(KeptPruner):
    """Makes the decisions of Optuna's `HyperbandPruner` and takes its arguments."""

    def __init__(
        self,
        min_resource: int,
        max_resource: str | int,
        reduction_factor: int,
        bootstrap_count: int,
    ) -> None:
        self._min_resource = min_resource
        self._most = max_resource if isinstance(max_resource, int) else 0
        self._factor = reduction_factor
        self._bootstrap = bootstrap_count
        self._brackets: list[HalvingPruner] = []
        self._shares: list[int] = []
        self._name = ""
        self._longest: int | None = None

    def know(self, study: Study, trials: Iterable[FrozenTrial]) -> None:
        """Adds the existing trials to the state."""
        for trial in trials:
            if trial.state == TrialState.COMPLETE:
                self.complete(trial)
        if self._most:
            self._begin(study)

    def complete(self, trial: FrozenTrial) -> None:
        """Adds a trial that has completed to the state."""
        if trial.last_step is not None:
            self._longest = max(self._longest or 0, trial.last_step)

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Returns whether the trial is too far behind the others of its bracket."""
        return self._begin(study) and self._brackets[self._bracket_of(trial)].prune(study, trial)

    def reason(self, study: Study, trial: FrozenTrial, metric: str, unit: str) -> str:
        """Returns the trial's place at the last rung of its bracket that it has reached."""
        bracket = self._bracket_of(trial)
        return f"{self._brackets[bracket].reason(study, trial, metric, unit)} (bracket {bracket})"

    def _begin(self, study: Study) -> bool:
        """Makes the brackets once the length of a training is known; returns whether they exist.

        Optuna does so at the same moment: at the first report after that.
        """
        if self._brackets:
            return True
        if not self._most and self._longest is None:
            return False
        self._most = self._most or (self._longest or 0) + 1
        count = math.floor(math.log(self._most / self._min_resource, self._factor)) + 1
        if count < 1:  # the training ends before the first rung
            return False
        sizes = [
            math.ceil(count * self._factor ** (s := count - 1 - b) / (s + 1)) for b in range(count)
        ]
        self._shares = [*accumulate(sizes)]
        self._brackets = [
            HalvingPruner(self._min_resource, self._factor, number, self._bootstrap)
            for number in range(count)
        ]
        self._name = study.study_name
        trials: list[list[FrozenTrial]] = [[] for _ in self._brackets]
        for trial in study.get_trials(deepcopy=False):
            trials[self._bracket_of(trial)].append(trial)
        for bracket, its in zip(self._brackets, trials, strict=True):
            bracket.know(study, its)
        return True

    def _bracket_of(self, trial: FrozenTrial) -> int:
        drawn = zlib.crc32(f"{self._name}_{trial.number}".encode()) % self._shares[-1]
        return bisect_right(self._shares, drawn)
