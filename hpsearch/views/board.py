"""What a live view knows of a running search: its events added up, nothing drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from hpsearch.search.results import StudyRecord, TrialRecord, TrialState
from hpsearch.spec.job import Scalar
from hpsearch.spec.messages import Progress
from hpsearch.views.budget import done
from hpsearch.views.standings import Standings


@dataclass(frozen=True)
class Running:
    """A trial that trains now.

    Attributes:
        since_s: the clock when it began on this slot.
        from_epoch: epochs done before that, by earlier attempts.
    """

    number: int
    slot: str
    since_s: float
    from_epoch: int
    progress: Progress | None = None

    @property
    def epochs_done(self) -> float:
        """Returns the epochs done, the running one in part."""
        if self.progress is None:
            return float(self.from_epoch)
        return self.progress.epoch - 1 + self.progress.fraction

    @property
    def fraction(self) -> float:
        """Returns the part of the whole trial that is done, 0 to 1."""
        return self.epochs_done / self.progress.epochs if self.progress else 0.0

    def seconds_left(self, now_s: float) -> float | None:
        """Returns how long it needs for its remaining epochs at its speed so far."""
        gained = self.epochs_done - self.from_epoch
        if self.progress is None or gained <= 0:
            return None
        return (now_s - self.since_s) / gained * (self.progress.epochs - self.epochs_done)


@dataclass
class Board:
    """A running search as its events tell it.

    Attributes:
        study: the study as it was when the search began.
        slots: the slots' names, in the order to show them.
        began_s: the clock when the search began.
        running: the trials that train now, by number.
    """

    study: StudyRecord
    slots: tuple[str, ...]
    began_s: float
    running: dict[int, Running] = field(default_factory=dict)

    def __post_init__(self) -> None:
        first = next(iter(self.study.objectives.values()))
        self.standings = Standings(self.study.trials, first)
        self._done_before = done(self.standings.counts)

    @property
    def trials(self) -> Mapping[int, TrialRecord]:
        """Every trial on record, by number."""
        return self.standings.trials

    def started(
        self,
        number: int,
        slot: str,
        params: Mapping[str, Scalar],
        from_epoch: int,
        now_s: float,
    ) -> None:
        """Puts a trial on a slot; what it reported in earlier attempts stays."""
        known = self.trials.get(number)
        curve = known.values_by_epoch if known else {}
        kept = {step: value for step, value in curve.items() if step <= from_epoch}
        self.standings.put(
            TrialRecord(number, "running", params, None, kept, None, None, None, (), {})
        )
        self.running[number] = Running(number, slot, now_s, from_epoch)

    def progressed(self, number: int, progress: Progress) -> None:
        """Moves a running trial on; a late word of one that is over changes nothing."""
        if number in self.running:
            self.running[number] = replace(self.running[number], progress=progress)

    def reported(self, number: int, step: int, values: Mapping[str, float]) -> None:
        """Adds an epoch's value of the first objective to a trial's curve."""
        trial = self.trials.get(number)
        value = values.get(next(iter(self.study.objectives)))
        if trial is not None and value is not None:
            curve = {**trial.values_by_epoch, step: value}
            self.standings.put(replace(trial, values_by_epoch=curve))

    def ended(self, trial: TrialRecord) -> None:
        """Takes a trial off its slot and keeps its final record."""
        self.running.pop(trial.number, None)
        self.standings.put(trial)

    @property
    def counts(self) -> Mapping[TrialState, int]:
        """Returns how many trials are in each state."""
        return self.standings.counts

    @property
    def leader(self) -> TrialRecord | None:
        """Returns the best complete trial of the first objective."""
        return self.standings.first(1)[0] if self.counts["complete"] else None

    def seconds_left(self, now_s: float) -> float | None:
        """Returns how long the budget's rest takes at the speed since the search began.

        Pruning makes trials unequal, so the speed is counted in finished trials, and those that
        run count as the part of the longest trial they have done.
        """
        if self.study.budget is None:
            return None
        finished = done(self.counts) - self._done_before
        if finished < 1:
            return None
        gained = finished + sum(run.fraction for run in self.running.values())
        rest = self.study.budget - self._done_before - gained
        return max(rest, 0.0) * (now_s - self.began_s) / gained
