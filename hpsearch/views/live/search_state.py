"""The state of a running search: its trials in the leaderboard's order, and what trains now."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hpsearch.protocol.messages import Progress
from hpsearch.protocol.types import Direction, Scalar, primary
from hpsearch.search.rungs import VALUES_BY_EPOCH
from hpsearch.search.store import TRIAL_STATES, StudyRecord, TrialRecord, TrialState
from hpsearch.views.formatting import spell
from hpsearch.views.ranking import Place, place, settled


class LiveRanking:
    """The trials, best first; adding one does not sort the others again.

    Attributes:
        trials: every trial, by number.
        counts: how many are in each state.
    """

    def __init__(self, trials: Iterable[TrialRecord], direction: Direction) -> None:
        self._direction = direction
        self.trials = {trial.number: trial for trial in trials}
        self.counts: dict[TrialState, int] = dict.fromkeys(TRIAL_STATES, 0)
        for trial in self.trials.values():
            self.counts[trial.state] += 1
        self._order: list[Place] = sorted(place(t, direction) for t in self.trials.values())

    def put(self, trial: TrialRecord) -> None:
        """Adds a trial, or replaces what was known about it."""
        known = self.trials.get(trial.number)
        if known is not None:
            self.counts[known.state] -= 1
            del self._order[bisect_left(self._order, place(known, self._direction))]
        self.trials[trial.number] = trial
        self.counts[trial.state] += 1
        insort(self._order, place(trial, self._direction))

    def first(self, limit: int) -> list[TrialRecord]:
        """Returns the first trials: complete ones, then the others."""
        complete = self.counts["complete"]
        shown = *self._order[: min(complete, limit)], *self._order[complete : complete + limit]
        return [self.trials[number] for _, _, number in shown]


@dataclass(frozen=True)
class Running:
    """A trial that is training now.

    Attributes:
        since_s: the clock when it began on this slot, or when it first sent its progress: what it
            does before that, such as loading its data, says nothing about its speed.
        from_epoch: epochs done until then.
    """

    number: int
    slot: str
    since_s: float
    from_epoch: float
    progress: Progress | None = None

    @property
    def epochs_done(self) -> float:
        """The epochs done, counting the running one in part."""
        if self.progress is None:
            return self.from_epoch
        return self.progress.epoch - 1 + self.progress.fraction

    @property
    def fraction(self) -> float:
        """The part of the whole trial that is done, 0 to 1."""
        if self.progress is None or not self.progress.epochs:
            return 0.0
        return self.epochs_done / self.progress.epochs

    def seconds_left(self, now_s: float) -> float | None:
        """Returns how long its remaining epochs take at its speed so far."""
        gained = self.epochs_done - self.from_epoch
        if self.progress is None or not self.progress.epochs or gained <= 0:
            return None
        return (now_s - self.since_s) / gained * (self.progress.epochs - self.epochs_done)


@dataclass
class SearchState:
    """A running search, built up from its events.

    Attributes:
        study: the study as it was when the search began, with its present budget.
        slots: the slots' names, in the order to show them.
        began_s: the clock when the search began.
        running: the trials that are training now, by number.
    """

    study: StudyRecord
    slots: tuple[str, ...]
    began_s: float
    running: dict[int, Running] = field(default_factory=dict)

    def __post_init__(self) -> None:
        first = primary(self.study.objectives)[1]
        self.ranking = LiveRanking(self.study.trials, first)
        self._settled_before = settled(self.ranking.counts)

    @property
    def trials(self) -> Mapping[int, TrialRecord]:
        """Every trial on record, by number."""
        return self.ranking.trials

    def started(
        self,
        number: int,
        slot: str,
        params: Mapping[str, Scalar],
        from_epoch: int,
        now_s: float,
    ) -> None:
        """Puts a trial on a slot; its reports of earlier attempts stay."""
        known = self.trials.get(number)
        curve = known.values_by_epoch if known else {}
        kept = {step: value for step, value in curve.items() if step <= from_epoch}
        facts = _facts(known.attributes) if known else {}
        self.ranking.put(
            TrialRecord(number, "running", params, None, kept, None, None, None, (), facts)
        )
        self.running[number] = Running(number, slot, now_s, from_epoch)

    def progressed(self, number: int, progress: Progress, now_s: float) -> None:
        """Updates a running trial's progress; a late message of a finished one changes nothing."""
        if (run := self.running.get(number)) is None:
            return
        is_first = run.progress is None
        run = replace(run, progress=progress)
        if is_first:
            run = replace(run, since_s=now_s, from_epoch=run.epochs_done)
        self.running[number] = run

    def reported(self, number: int, step: int, values: Mapping[str, float]) -> None:
        """Adds an epoch's values of the objectives to a trial."""
        trial = self.trials.get(number)
        value = values.get(primary(self.study.objectives)[0])
        if trial is not None and value is not None:
            curve = {**trial.values_by_epoch, step: value}
            facts = {**trial.attributes, **_facts(values)}
            if len(self.study.objectives) > 1:
                several = {str(step): [values.get(name) for name in self.study.objectives]}
                facts[VALUES_BY_EPOCH] = {**facts.get(VALUES_BY_EPOCH, {}), **several}
            self.ranking.put(replace(trial, values_by_epoch=curve, attributes=facts))

    def ended(self, trial: TrialRecord) -> None:
        """Takes a trial off its slot and keeps its final record."""
        self.running.pop(trial.number, None)
        self.ranking.put(trial)

    def changed(self, budget: int | None, waiting: Iterable[TrialRecord]) -> None:
        """Takes a new budget, and the trials that are next."""
        self.study = replace(self.study, budget=budget)
        for trial in waiting:
            self.ranking.put(trial)

    @property
    def counts(self) -> Mapping[TrialState, int]:
        """How many trials are in each state."""
        return self.ranking.counts

    @property
    def leader(self) -> TrialRecord | None:
        """The best complete trial by the first objective."""
        return self.ranking.first(1)[0] if self.counts["complete"] else None

    def seconds_left(self, now_s: float) -> float | None:
        """Returns how long the rest of the budget takes at the speed since the search began.

        None while that is unknown, and where nothing is left.
        Pruning makes trials unequal, so the speed is measured in trials that have finished or
        paused, and a running one counts as the part of the longest trial it has done.
        """
        if self.study.budget is None:
            return None
        new = settled(self.counts) - self._settled_before
        if new < 1:
            return None
        gained = new + sum(run.fraction for run in self.running.values())
        rest = self.study.budget - self._settled_before - gained
        return rest * (now_s - self.began_s) / gained if rest > 0 else None

    def time_words(self, now_s: float) -> str:
        """Returns `1m 00s so far, about 7m 00s left`."""
        left = self.seconds_left(now_s)
        rest = "" if left is None else f", about {spell(left)} left"
        return f"{spell(now_s - self.began_s)} so far{rest}"


def _facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Returns those that an objective's value is in before a trial ends."""
    return {key: facts[key] for key in ("parameters", VALUES_BY_EPOCH) if key in facts}
