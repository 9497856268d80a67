"""The finalists of a confirmation: how they are selected, ranked, and which one is chosen."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from hpsearch.errors import InputError
from hpsearch.protocol.types import Direction, primary, sign_of
from hpsearch.search.confirm.boundary import SeedPlan
from hpsearch.search.confirm.intervals import (
    Interval,
    claim_level,
    is_close,
    mean_interval,
    paired_p_value,
)
from hpsearch.search.store import StudyRecord, TrialRecord, best_first
from hpsearch.search.store.keys import FINALIST, REPEAT

CHEAPER = 0.9

Look = Mapping[str, Any]
Reason = Literal["mean", "failures", "parameters", "seconds"]


@dataclass(frozen=True)
class Finalist:
    """A trial of the search, and its new runs.

    Attributes:
        trial: the trial of the search.
        runs: the complete new runs by the number of their seed, from 1.
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
        """The new values by the number of their seed."""
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
        """The cost of the setting: trainable parameters, then seconds of training."""
        runs = list(self.runs.values()) or [self.trial]
        parameters = runs[0].attributes.get("parameters") or 0
        return float(parameters), statistics.fmean(run.seconds or 0.0 for run in runs)

    def saves(self, other: Finalist) -> Reason | None:
        """Returns in which cost it is at least a tenth below another finalist; None if in none.

        Parameters come first: if they differ by a tenth, seconds do not count.
        """
        names: tuple[Reason, Reason] = ("parameters", "seconds")
        for name, own, others in zip(names, self.cost, other.cost, strict=True):
            if own < others and own <= CHEAPER * others:
                return name
            if others < own and others <= CHEAPER * own:
                return None
        return None


@dataclass(frozen=True)
class Comparison:
    """Compares the first finalist with the second over the seeds both have: one look at the data.

    Attributes:
        first: number of the trial with the better mean.
        second: number of the other.
        seeds: how many pairs there are.
        difference: how much better the first is; below 0 only if runs have failed.
        p_value: of the paired test; None if no test was made.
        look: number of this look at the data, from 1.
        level: the p-value below which the difference is real, given the earlier looks.
        beats: whether the first is really better, with 5 % of errors over all looks.
        close: whether the difference is at most its own standard error; noise alone exceeds that in
            one case of three. Then their costs may decide (Breiman et al. 1984).
        plan: seeds at the first and the last of several planned looks; empty for a single look.
    """

    first: int
    second: int
    seeds: int
    difference: float
    p_value: float | None
    look: int
    level: float
    beats: bool
    close: bool
    plan: Sequence[int] = field(default_factory=list)


@dataclass(frozen=True)
class Confirmation:
    """The finalists of a search after their new runs.

    Attributes:
        study: name of the search.
        metric: the objective that they are compared by, the first one.
        direction: whether larger or smaller values are better.
        seeds: how many new runs each should have.
        finalists: all of them, best first.
        comparison: of the first with the second; None if there is only one.
        looks: every comparison tested so far, this one included, as plain data.
        unit: what a step of its runs is, `epoch` or `validation`.
    """

    study: str
    metric: str
    direction: Direction
    seeds: int
    finalists: tuple[Finalist, ...]
    comparison: Comparison | None
    looks: tuple[Look, ...] = ()
    unit: str = "epoch"

    @property
    def chosen(self) -> Finalist:
        """The chosen setting: the first, or the second if it is cheaper and hardly worse."""
        return self.finalists[1 if self.reason in ("parameters", "seconds") else 0]

    @property
    def reason(self) -> Reason:
        """Why the chosen one was preferred to the other of the first two."""
        if self.comparison is None or self.comparison.beats:
            return "mean"
        first, second = self.finalists[:2]
        if second.failed > first.failed:
            return "failures"
        return (self.comparison.close and second.saves(first)) or "mean"

    @property
    def model(self) -> tuple[int, TrialRecord]:
        """The chosen setting's run with the median value, with its seed's number.

        The best of the runs would be selected for being high, and so be optimistic again.
        """
        ordered = sorted(self.chosen.runs.items(), key=lambda item: first_value(item[1]))
        if self.direction == "maximize":
            ordered.reverse()
        # If their number is even, the worse of the two in the middle.
        return ordered[len(ordered) // 2]

    @property
    def epochs(self) -> int:
        """The epochs after which the chosen setting was best: the median over its runs."""
        # If validations are counted, the epochs until the best one are on record; otherwise a
        # module may log a metric called `epochs`.
        name = "best_epochs" if self.unit == "validation" else "best_step"
        best: list[float] = [run.attributes[name] for run in self.chosen.runs.values()]
        return max(1, math.ceil(float(statistics.median_high(best))))


def choose_finalists(study: StudyRecord, top: int) -> tuple[TrialRecord, ...]:
    """Returns the search's best complete trials, best first, each setting once.

    Pruned trials are left out: their values are not those of a whole training.

    Raises:
        InputError: no trial is complete.
    """
    complete = best_first(study.trials, study.objectives)
    if not complete:
        raise InputError(
            f"no trial of {study.name} is complete, so there is nothing to confirm;"
            f" hpsearch status {study.name}"
        )
    settings: dict[frozenset[object], TrialRecord] = {}
    for trial in complete:
        settings.setdefault(frozenset(trial.params.items()), trial)
    return tuple(settings.values())[:top]


def rank_finalists(
    study: StudyRecord,
    runs: Sequence[TrialRecord],
    finalists: Sequence[TrialRecord],
    seeds: int,
    looks: Sequence[Look] = (),
    plan: SeedPlan | None = None,
) -> Confirmation:
    """Returns the finalists in confirmed order, with the comparison of the first two.

    Only the first two are compared, so that there is one test at each look.

    Args:
        study: the search.
        runs: the trials of its confirmation.
        finalists: the trials of the search to confirm.
        seeds: how many new runs each should have.
        looks: the earlier comparisons, with fewer seeds or of other finalists.
        plan: the planned looks that this is one of; None for a single look.
    """
    metric, direction = primary(study.objectives)
    gathered = [_gather(trial, runs, seeds) for trial in finalists]
    ranked = tuple(sorted(gathered, key=lambda finalist: _rank(finalist, direction)))
    pair = None
    if len(ranked) > 1:
        pair = _compare(ranked[0], ranked[1], direction, looks, (plan, seeds))
    if pair and pair.p_value is not None and pair.look > len(looks):
        looks = (*looks, asdict(pair))
    return Confirmation(
        study.name, metric, direction, seeds, ranked, pair, tuple(looks), study.unit
    )


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
    # A finalist with a failed run ranks behind those without, however good its other runs are.
    mean = finalist.mean
    return mean is None, finalist.failed, 0.0 if mean is None else -sign_of(direction) * mean


def _compare(
    first: Finalist,
    second: Finalist,
    direction: Direction,
    looks: Sequence[Look],
    planned: tuple[SeedPlan | None, int],
) -> Comparison:
    common = [seed for seed in first.runs if seed in second.runs]
    ours, theirs = ([one.values[seed] for seed in common] for one in (first, second))
    differences = [sign_of(direction) * (a - b) for a, b in zip(ours, theirs, strict=True)]
    difference = statistics.fmean(differences) if differences else 0.0
    p_value = paired_p_value(ours, theirs)
    known: Look = {"first": first.trial.number, "second": second.trial.number}
    same: Look = {**known, "seeds": len(common), "p_value": p_value}
    # Looking at the same data again is not another look.
    earlier = next((place for place, look in enumerate(looks) if _agrees(look, same)), len(looks))
    plan, seeds = planned
    known_plan = [] if plan is None else [plan.first, plan.most]
    total = claim_level(_count_looks(looks[:earlier], known_plan))
    level = total if plan is None else plan.level(seeds, total)
    # A claim made at an earlier look stays, as long as the first is still ahead.
    claimed = any(look["beats"] for look in looks if _agrees(look, known))
    beats = difference > 0 and (claimed or (p_value is not None and p_value < level))
    close = is_close(difference, len(common), p_value)
    return Comparison(
        **same,
        difference=difference,
        look=earlier + 1,
        level=level,
        beats=beats,
        close=close,
        plan=known_plan,
    )


def _count_looks(looks: Sequence[Look], plan: Sequence[int]) -> int:
    """Returns how many looks there were before: one for each other plan, none for this plan."""
    plans = [tuple(look.get("plan", ())) for look in looks]
    return plans.count(()) + len({one for one in plans if one and one != tuple(plan)})


def _agrees(look: Look, known: Mapping[str, Any]) -> bool:
    return all(look.get(name) == value for name, value in known.items())
