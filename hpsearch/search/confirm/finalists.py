"""Who is confirmed, in which order the confirmed stand, and which of them is taken."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hpsearch.errors import InputError
from hpsearch.protocol.types import Direction
from hpsearch.search.confirm.intervals import Interval, mean_interval, paired_p_value
from hpsearch.search.store import StudyRecord, TrialRecord
from hpsearch.search.store.keys import FINALIST, REPEAT

SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Finalist:
    """A trial of the search, and what came out when it was trained again.

    Attributes:
        trial: the trial of the search.
        runs: the complete new runs, by their seed's number, from 1.
        failed: how many of the new runs failed.
    """

    trial: TrialRecord
    runs: Mapping[int, TrialRecord]
    failed: int

    @property
    def searched(self) -> float:
        """The value that the search found."""
        return first_value(self.trial)

    @property
    def values(self) -> Mapping[int, float]:
        """The new values, by the seed's number."""
        return {seed: first_value(run) for seed, run in self.runs.items()}

    @property
    def mean(self) -> float | None:
        """The mean of the new values; None if there are none."""
        return statistics.fmean(self.values.values()) if self.runs else None

    @property
    def interval(self) -> Interval | None:
        """The 95 % interval of the mean; None for fewer than two runs."""
        return mean_interval(list(self.values.values()))

    @property
    def cost(self) -> tuple[float, float]:
        """What the setting costs: trainable parameters, then seconds of training."""
        runs = list(self.runs.values()) or [self.trial]
        parameters = runs[0].attributes.get("parameters") or 0
        return float(parameters), statistics.fmean(run.seconds or 0.0 for run in runs)


@dataclass(frozen=True)
class Comparison:
    """The first finalist against the second, over the seeds both have.

    Attributes:
        first: number of the trial with the better mean.
        second: number of the other.
        seeds: how many pairs there are.
        difference: by how much the first is better, 0 or more but for failed runs.
        p_value: of the paired test; None for fewer than two pairs.
    """

    first: int
    second: int
    seeds: int
    difference: float
    p_value: float | None

    @property
    def beats(self) -> bool:
        """Whether the first is really better, as far as one can say with 5 % of errors."""
        return self.p_value is not None and self.p_value < SIGNIFICANT and self.difference > 0


@dataclass(frozen=True)
class Confirmation:
    """The finalists of a search after their new runs.

    Attributes:
        study: name of the search.
        metric: the objective they are compared by; of several the first.
        direction: where better values lie.
        seeds: how many new runs each was to have.
        finalists: all of them, best first.
        comparison: first against second; None where there is only one.
    """

    study: str
    metric: str
    direction: Direction
    seeds: int
    finalists: tuple[Finalist, ...]
    comparison: Comparison | None

    @property
    def chosen(self) -> Finalist:
        """The setting to take: the first, or the cheaper of the first two if it is no better."""
        first = self.finalists[0]
        if self.comparison is None or self.comparison.beats:
            return first
        second = self.finalists[1]
        if second.failed > first.failed:
            return first
        return min(first, second, key=lambda finalist: finalist.cost)

    @property
    def model(self) -> tuple[int, TrialRecord]:
        """The chosen setting's run with the median value, with its seed's number.

        The best of the runs would be chosen for being high, and so be optimistic once more.
        """
        ordered = sorted(self.chosen.runs.items(), key=lambda item: first_value(item[1]))
        if self.direction == "maximize":
            ordered.reverse()
        # Of an even number the worse of the two in the middle.
        return ordered[len(ordered) // 2]

    @property
    def epochs(self) -> int:
        """After how many epochs the chosen setting was best: the median over its runs."""
        best = [run.attributes["best_step"] for run in self.chosen.runs.values()]
        return int(statistics.median_high(best))


def choose_finalists(study: StudyRecord, top: int) -> tuple[TrialRecord, ...]:
    """Returns the search's best complete trials, best first, a setting that came twice once.

    A pruned trial is none: its value is not one of a whole training.

    Raises:
        InputError: no trial is complete.
    """
    complete = [trial for trial in study.trials if trial.state == "complete" and trial.values]
    if not complete:
        raise InputError(
            f"no trial of {study.name} is complete, so there is nothing to confirm;"
            f" hpsearch status {study.name}"
        )
    _, direction = next(iter(study.objectives.items()))
    settings: dict[frozenset[object], TrialRecord] = {}
    for trial in sorted(complete, key=lambda trial: -_sign(direction) * first_value(trial)):
        settings.setdefault(frozenset(trial.params.items()), trial)
    return tuple(settings.values())[:top]


def rank_finalists(
    study: StudyRecord, runs: Sequence[TrialRecord], finalists: Sequence[TrialRecord], seeds: int
) -> Confirmation:
    """Returns the finalists in their confirmed order, and whether the first is really the best.

    Only the first two are compared, so that one test is made and its 5 % are those of the claim.
    """
    metric, direction = next(iter(study.objectives.items()))
    gathered = [_gather(trial, runs, seeds) for trial in finalists]
    ranked = sorted(gathered, key=lambda finalist: _rank(finalist, direction))
    pair = _compare(ranked[0], ranked[1], direction) if len(ranked) > 1 else None
    return Confirmation(study.name, metric, direction, seeds, tuple(ranked), pair)


def first_value(trial: TrialRecord) -> float:
    """Returns a complete trial's value of the first objective."""
    assert trial.values is not None, f"trial {trial.number} is not complete"
    return trial.values[0]


def _gather(trial: TrialRecord, runs: Sequence[TrialRecord], seeds: int) -> Finalist:
    own = [run for run in runs if run.attributes.get(FINALIST) == trial.number]
    numbered = {run.attributes[REPEAT]: run for run in own if run.attributes[REPEAT] <= seeds}
    complete = {seed: run for seed, run in numbered.items() if run.state == "complete"}
    failed = sum(run.state == "failed" for run in numbered.values())
    return Finalist(trial, dict(sorted(complete.items())), failed)


def _rank(finalist: Finalist, direction: Direction) -> tuple[bool, int, float]:
    # Who failed under another seed stands behind who did not, however good the rest is.
    mean = finalist.mean
    return mean is None, finalist.failed, 0.0 if mean is None else -_sign(direction) * mean


def _compare(first: Finalist, second: Finalist, direction: Direction) -> Comparison:
    common = [seed for seed in first.runs if seed in second.runs]
    ours, theirs = ([one.values[seed] for seed in common] for one in (first, second))
    differences = [_sign(direction) * (a - b) for a, b in zip(ours, theirs, strict=True)]
    difference = statistics.fmean(differences) if differences else 0.0
    p_value = paired_p_value(ours, theirs)
    return Comparison(first.trial.number, second.trial.number, len(common), difference, p_value)


def _sign(direction: Direction) -> int:
    return 1 if direction == "maximize" else -1
