"""The trials of a running search in the order of its leaderboard, kept while they come in."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable

from hpsearch.search.results import STATES, TrialRecord, TrialState
from hpsearch.spec.job import Direction
from hpsearch.views.ranking import Place, place


class Standings:
    """The trials, best first; to take one in does not mean to sort all the others again.

    Attributes:
        trials: every trial, by number.
        counts: how many are in each state.
    """

    def __init__(self, trials: Iterable[TrialRecord], direction: Direction) -> None:
        self._direction = direction
        self.trials = {trial.number: trial for trial in trials}
        self.counts: dict[TrialState, int] = dict.fromkeys(STATES.values(), 0)
        for trial in self.trials.values():
            self.counts[trial.state] += 1
        self._order: list[Place] = sorted(place(t, direction) for t in self.trials.values())

    def put(self, trial: TrialRecord) -> None:
        """Takes a trial in, in place of what was known of it."""
        known = self.trials.get(trial.number)
        if known is not None:
            self.counts[known.state] -= 1
            del self._order[bisect_left(self._order, place(known, self._direction))]
        self.trials[trial.number] = trial
        self.counts[trial.state] += 1
        insort(self._order, place(trial, self._direction))

    def first(self, limit: int) -> list[TrialRecord]:
        """Returns the first so many of those that are complete, then of those that are not."""
        complete = self.counts["complete"]
        shown = *self._order[: min(complete, limit)], *self._order[complete : complete + limit]
        return [self.trials[number] for _, _, number in shown]
