"""The paused trials of a study: at which rung each waits, and which of them may continue."""

from __future__ import annotations

import math
from collections.abc import Iterable

from optuna.trial import FrozenTrial, TrialState

from hpsearch.search.rungs import Promotion
from hpsearch.search.store.keys import CURVE, PROMOTED
from hpsearch.search.store.sampling import build_scheduler
from hpsearch.studyfile.study import StudySpec


class Pauses:
    """Which trials are paused, and what decides about them.

    Args:
        spec: what is searched.
        trials: every trial of the study.
    """

    def __init__(self, spec: StudySpec, trials: Iterable[FrozenTrial]) -> None:
        self.scheduler = build_scheduler(spec)
        rests = {trial.number: self._restore(trial) for trial in trials}
        self._rungs = {number: rung for number, rung in rests.items() if rung}

    def __contains__(self, number: int) -> bool:
        return number in self._rungs

    @property
    def numbers(self) -> list[int]:
        """The paused trials, by number."""
        return sorted(self._rungs)

    def add(self, number: int, rung: int) -> None:
        """Notes that a trial pauses at a rung."""
        self._rungs[number] = rung
        self.scheduler.stop(number)

    def promote(self, *, closing: bool = False) -> Promotion | None:
        """Returns the paused trial that continues next, which is paused no more; None of none.

        Args:
            closing: no trial begins any more, so that every rung promotes one at least.
        """
        found = self.scheduler.promotion(closing=closing)
        if found is not None:
            self.scheduler.ladder.promote(found.number)
            del self._rungs[found.number]
        return found

    def take(self, number: int) -> int:
        """Notes that a paused trial continues, whatever its place; returns its rung."""
        self.scheduler.ladder.promote(number)
        return self._rungs.pop(number)

    def drop(self, number: int) -> int:
        """Notes that a paused trial is over; returns the rung that it was paused at."""
        self.scheduler.lose(number)
        return self._rungs.pop(number)

    def out_of_reach(self, trials: int | None) -> list[int]:
        """Returns the paused trials that no result to come can promote.

        Args:
            trials: how many trials the study may still begin; None for no limit.
        """
        most = min(math.inf if trials is None else trials, self.scheduler.epochs.left)
        if math.isinf(most):
            return []
        return [n for n in self.scheduler.ladder.out_of_reach(int(most)) if n in self._rungs]

    def worst(self) -> int | None:
        """Returns the paused trial that is least likely to be promoted; None of none."""
        return next((n for n in self.scheduler.ladder.worst_first() if n in self._rungs), None)

    def _restore(self, trial: FrozenTrial) -> int:
        """Enters a trial of an earlier run; returns the rung that it is paused at, 0 for none."""
        written = trial.user_attrs.get(CURVE) or trial.intermediate_values
        curve = {int(epoch): value for epoch, value in written.items()}
        promoted = trial.user_attrs.get(PROMOTED, ())
        complete = trial.state == TrialState.COMPLETE
        rung = self.scheduler.restore(trial.number, curve, promoted, whole=complete)
        if not trial.state.is_finished():
            return rung
        if not complete:
            self.scheduler.lose(trial.number)
        return 0
