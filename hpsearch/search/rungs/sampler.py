"""TPE that learns from rungs: from complete, pruned, paused and running trials alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from hpsearch.internals.optuna import (
    KernelEstimator,
    all_trials,
    best_candidate,
    good_share,
    group_spaces,
)
from hpsearch.search.rungs.curve import curve_of
from hpsearch.search.rungs.ladder import ETA, FIRST, rungs_up_to
from hpsearch.search.rungs.pareto import Losses, best_first
from hpsearch.search.rungs.priors import Priors

MIN_POINTS = 6
WIDTH = 0.3
NARROWEST = 0.01
ONE_GOOD_IN = 4  # with several objectives, one in this many trials counts as good
Space = dict[str, BaseDistribution]


class RungSampler(BaseSampler):
    """Tree-structured Parzen estimator for searches that pause trials or end them early.

    Optuna's TPE ranks complete trials before pruned ones and does not see waiting trials, which
    include the paused ones. This one ranks all trials at the highest rung that enough of them have
    reached, by their best value up to that epoch (as BOHB does: Falkner et al. 2018, arXiv
    1807.01774). The width of its kernels is `0.3 n**(-1/(d+4))` of the range for n trials and d
    parameters (Scott's rule, Optuna's own until 5.0). Several objectives are ranked by
    `best_first`, and a quarter of the trials counts as good instead of a tenth. Parameters of
    branches are proposed as with `group=True`: in groups of parameters that occur together, each
    learned from the trials that have them.

    Args:
        max_resource: epochs of a whole training.
        min_resource: epochs of the first rung.
        reduction_factor: ratio of each rung to the one before.
        priors: values that are believed to be good, by parameter.
        seed: of the random numbers.
        n_startup_trials: trials that must have reported and stopped before it learns.
        n_ei_candidates: candidates for each proposal.
        explore: share of the later trials still proposed at random; without it, a search settles
            where its first trials happened to be good.
    """

    def __init__(
        self,
        max_resource: int,
        *,
        min_resource: int = FIRST,
        reduction_factor: int = ETA,
        priors: Mapping[str, Any] | None = None,
        seed: int | None = None,
        n_startup_trials: int = 10,
        n_ei_candidates: int = 24,
        explore: float = 0.15,
    ) -> None:
        self._random = np.random.RandomState(seed)
        # With the same seed, its first value would be the number that decides about priors.
        self._independent = RandomSampler(seed=int(self._random.randint(2**31)))
        self._startup_trials = n_startup_trials
        self._candidates = n_ei_candidates
        rungs = rungs_up_to(max_resource, reduction_factor, min_resource)
        self._rungs = (*rungs, max_resource)
        self._priors = Priors(priors or {})
        self._explore = explore
        self._seen: list[FrozenTrial] = []
        self._groups: list[Space] = []
        self._near_priors = False

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Decides whether to propose this trial near the priors."""
        super().before_trial(study, trial)
        if self._priors:
            seen = _reported(study, trial)
            share = self._priors.share(len(seen), learning=self._learns_from(seen))
            self._near_priors = bool(self._random.random_sample() < share)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> Space:
        """Returns the parameters of earlier trials; none before there are enough to learn from."""
        self._seen = _reported(study, trial)
        learns = self._learns_from(self._seen) and self._random.random_sample() >= self._explore
        self._groups = _groups(self._seen) if learns else []
        return {
            name: distribution for group in self._groups for name, distribution in group.items()
        }

    def sample_relative(self, study: Study, trial: FrozenTrial, search_space: Space) -> Space:
        """Returns the proposals for each group that has enough trials to learn from."""
        proposed: dict[str, Any] = {}
        for group in self._groups:
            space = {name: group[name] for name in group if name in search_space}
            for name, value in self._propose_group(study, space).items():
                near = self._near_priors and name in self._priors
                proposed[name] = (
                    self._priors.near(name, space[name], self._random) if near else value
                )
        return proposed

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Returns a random value, or one near the prior: nothing is known of the parameter yet."""
        if self._near_priors and param_name in self._priors:
            return self._priors.near(param_name, param_distribution, self._random)
        return self._independent.sample_independent(study, trial, param_name, param_distribution)

    def _learns_from(self, trials: Sequence[FrozenTrial]) -> bool:
        stopped = sum(trial.state != TrialState.RUNNING for trial in trials)
        return stopped >= self._startup_trials

    def _propose_group(self, study: Study, space: Space) -> dict[str, Any]:
        having = [trial for trial in self._seen if space.keys() <= trial.params.keys()]
        signs = [-1.0 if way == StudyDirection.MAXIMIZE else 1.0 for way in study.directions]
        split = _split(having, self._rungs, signs, max(len(space) + 1, MIN_POINTS))
        if not space or split is None:
            return {}
        good, others = (_columns(trials, space) for trials in split)
        below = _ScottEstimator(good, space, alike=len(signs) > 1)
        above = _ScottEstimator(others, space)
        return best_candidate(below, above, space, self._random, self._candidates)


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


def _reported(study: Study, current: FrozenTrial) -> list[FrozenTrial]:
    """Returns the other trials with a known value, paused ones included."""
    states = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING, TrialState.WAITING)
    return [
        trial
        for trial in all_trials(study, states)
        if trial.number != current.number
        and (curve_of(trial) or trial.state in (TrialState.COMPLETE, TrialState.RUNNING))
    ]


def _groups(trials: Sequence[FrozenTrial]) -> list[Space]:
    """Returns the parameters, grouped by which occur together in trials, in a fixed order."""
    different = {frozenset(trial.distributions): trial.distributions for trial in trials}
    searched = (
        {name: space[name] for name in sorted(space) if not space[name].single()}
        for space in group_spaces(different.values()).search_spaces
    )
    return sorted(filter(None, searched), key=list)


def _split(
    trials: Sequence[FrozenTrial], rungs: Sequence[int], signs: Sequence[float], minimum: int
) -> tuple[list[FrozenTrial], list[FrozenTrial]] | None:
    """Returns the good trials and the others, oldest first; None if too few have reached a rung."""
    broken = {t.number for t in trials if any(value > 0 for value in t.constraints.values())}
    fit = [trial for trial in trials if trial.number not in broken]
    unfit = [trial for trial in trials if trial.number in broken]
    for rung in reversed(rungs):
        losses = {trial.number: losses_by(trial, rung, signs) for trial in fit}
        known = {number: each for number, each in losses.items() if each is not None}
        if len(known) < minimum:
            continue
        # On a Pareto front many trials are good, each in its own way.
        share = good_share(len(known)) if len(signs) == 1 else -(-len(known) // ONE_GOOD_IN)
        good = set(best_first(known)[:share])
        met = [trial for trial in fit if trial.number in known]
        begun = [t for t in fit if t.number not in known and t.state == TrialState.RUNNING]
        others = [trial for trial in [*met, *begun, *unfit] if trial.number not in good]
        below = [trial for trial in met if trial.number in good]
        return below, sorted(others, key=lambda trial: trial.number)
    return None


def _columns(trials: Sequence[FrozenTrial], space: Space) -> dict[str, np.ndarray]:
    """Returns the values of trials by parameter, as the database stores them."""
    return {
        name: np.asarray([distribution.to_internal_repr(trial.params[name]) for trial in trials])
        for name, distribution in space.items()
    }


class _ScottEstimator(KernelEstimator):
    """Optuna's mixture of kernels, with the width of each by Scott's rule."""

    def width(self, observations: int, parameters: int) -> float:
        """Returns the width of each kernel, as a share of its parameter's range."""
        scott: float = WIDTH * max(observations, 1) ** (-1 / (parameters + 4))
        return max(scott, NARROWEST, 1 / (2 + observations))
