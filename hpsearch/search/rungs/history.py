"""The trials that the sampler of rungs learns from, each read once for each of its reports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar, final

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from hpsearch.internals.optuna import Columns, all_trials
from hpsearch.search.rungs.curve import VALUES_BY_EPOCH, curve_of
from hpsearch.search.rungs.pareto import Losses

_STATES = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING, TrialState.WAITING)
_WITHOUT_REPORTS = (TrialState.COMPLETE, TrialState.RUNNING)
_T = TypeVar("_T")


@dataclass(frozen=True)
class KnownTrial:
    """What the sampler knows of a trial.

    Attributes:
        number: its number.
        runs: whether it trains at present.
        losses: those of its best epoch up to each rung that it has reached.
        names: of its parameters.
        values: of its parameters, as the database stores them.
        distributions: of its parameters.
        is_infeasible: whether it breaks a constraint.
    """

    number: int
    runs: bool
    losses: Mapping[int, Losses]
    names: frozenset[str]
    values: Mapping[str, float]
    distributions: Mapping[str, BaseDistribution]
    is_infeasible: bool


@final
class RungHistory:
    """The trials of a study, read again only where they have changed.

    Reading ten thousand trials takes longer than an epoch may wait for a decision.

    Args:
        rungs: epochs of each rung, up to a whole training.
    """

    def __init__(self, rungs: Sequence[int]) -> None:
        self._rungs = rungs
        self._read: dict[int, tuple[tuple[TrialState, int, int], KnownTrial]] = {}

    def update(self, study: Study, current: int) -> list[KnownTrial]:
        """Returns the trials with a known value and those that run, by number.

        Args:
            study: whose trials.
            current: number of the trial to propose for, which is left out.
        """
        signs = [-1.0 if way == StudyDirection.MAXIMIZE else 1.0 for way in study.directions]
        found = []
        for trial in all_trials(study, _STATES):
            reports = len(trial.user_attrs.get(VALUES_BY_EPOCH) or trial.intermediate_values)
            if trial.number == current or not (reports or trial.state in _WITHOUT_REPORTS):
                continue
            # A trial changes by what it reports, by its end, and while it takes its parameters.
            version = trial.state, reports, len(trial.params)
            read = self._read.get(trial.number)
            if read is None or read[0] != version:
                read = self._read[trial.number] = version, self._know(trial, signs)
            found.append(read[1])
        return found

    def _know(self, trial: FrozenTrial, signs: Sequence[float]) -> KnownTrial:
        losses = {rung: losses_by(trial, rung, signs) for rung in self._rungs}
        return KnownTrial(
            trial.number,
            trial.state == TrialState.RUNNING,
            {rung: each for rung, each in losses.items() if each is not None},
            frozenset(trial.params),
            {
                name: trial.distributions[name].to_internal_repr(value)
                for name, value in trial.params.items()
            },
            trial.distributions,
            any(excess > 0 for excess in trial.constraints.values()),
        )


def losses_by(trial: FrozenTrial, rung: int, signs: Sequence[float]) -> Losses | None:
    """Returns a trial's losses at its best epoch up to a rung; None before it has reached the rung.

    A complete trial has reached every rung. With several objectives, the first decides which epoch
    is the best.

    Args:
        trial: any trial.
        rung: epochs.
        signs: for each objective, 1 to minimize or -1 to maximize.
    """
    curve = curve_of(trial)
    if trial.state != TrialState.COMPLETE and (not curve or max(curve) < rung):
        return None
    values = [value for step, value in curve.items() if step <= rung] or [*curve.values()]
    if not values and trial.values:
        values = [trial.values]
    losses = (
        tuple(sign * value for sign, value in zip(signs, each, strict=True)) for each in values
    )
    return min(losses, key=lambda each: each[0], default=None)


def deciding_rung(trials: Sequence[KnownTrial], rungs: Sequence[int], minimum: int) -> int | None:
    """Returns the highest rung that so many trials have reached; None if there is none.

    Trials that break a constraint do not count.
    """
    for rung in reversed(rungs):
        if sum(rung in trial.losses and not trial.is_infeasible for trial in trials) >= minimum:
            return rung
    return None


def by_rung(
    trials: Sequence[KnownTrial], rung: int
) -> tuple[list[KnownTrial], list[KnownTrial], list[KnownTrial]]:
    """Returns the trials that have reached a rung, those that train below, and infeasible ones."""
    fit = [trial for trial in trials if not trial.is_infeasible]
    met = [trial for trial in fit if rung in trial.losses]
    begun = [trial for trial in fit if rung not in trial.losses and trial.runs]
    return met, begun, [trial for trial in trials if trial.is_infeasible]


def columns(trials: Sequence[KnownTrial], names: Iterable[str]) -> Columns:
    """Returns the values of trials by parameter, as the database stores them."""
    return {name: np.array([trial.values[name] for trial in trials]) for name in names}


def evenly(items: Sequence[_T], most: int) -> list[_T]:
    """Returns at most so many of some items, evenly spread and in their order."""
    if len(items) <= most:
        return [*items]
    return [items[place] for place in np.linspace(0, len(items) - 1, most).astype(int)]
