"""The sampler that learns from rungs: from complete, pruned, paused and running trials alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import FrozenTrial

from hpsearch.internals.optuna import (
    KernelEstimator,
    Space,
    best_candidate,
    good_share,
    group_spaces,
)
from hpsearch.search.rungs.history import (
    KnownTrial,
    RungHistory,
    by_rung,
    columns,
    deciding_rung,
    evenly,
)
from hpsearch.search.rungs.ladder import ETA, FIRST, rungs_up_to
from hpsearch.search.rungs.pareto import best_first
from hpsearch.search.rungs.priors import Priors
from hpsearch.search.samplers import MOST_OTHERS

MIN_POINTS = 6
WIDTH = 0.3
NARROWEST = 0.01


class RungSampler(BaseSampler):
    """Tree-structured Parzen estimator for searches that pause trials or end them early.

    Optuna's TPE ranks complete trials before pruned ones and does not see waiting trials, which
    include the paused ones. This one ranks all trials at the highest rung that enough of them have
    reached, by their best value up to that epoch (as BOHB does: Falkner et al. 2018, arXiv
    1807.01774). The width of its kernels is `0.3 n**(-1/(d+4))` of the range for n trials and d
    parameters (Scott's rule, Optuna's own until 5.0). With several objectives, it proposes what is
    expected to enlarge the Pareto front most, by a Gaussian process for each: see `hypervolume.py`.
    Parameters of branches are proposed as with `group=True`: in groups of parameters that occur
    together, each learned from the trials that have them.

    Args:
        max_resource: epochs of a whole training.
        min_resource: epochs of the first rung.
        reduction_factor: ratio of each rung to the one before.
        priors: values that are believed to be good, by parameter.
        seed: of the random numbers.
        n_startup_trials: trials that must have reported and stopped before it learns.
        n_ei_candidates: candidates for each proposal with a single objective.
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
        # Passed from each trial's sampler to the next; see `hand_over`.
        self._history = RungHistory(self._rungs)
        self._seen: list[KnownTrial] = []
        self._groups: list[Space] = []
        self._near_priors = False

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Decides whether to propose this trial near the priors."""
        super().before_trial(study, trial)
        if self._priors:
            seen = self._history.update(study, trial.number)
            share = self._priors.share(len(seen), learning=self._learns_from(seen))
            self._near_priors = bool(self._random.random_sample() < share)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> Space:
        """Returns the parameters of earlier trials; none before there are enough to learn from."""
        self._seen = self._history.update(study, trial.number)
        learns = self._learns_from(self._seen) and self._random.random_sample() >= self._explore
        self._groups = _groups(self._seen) if learns else []
        return {
            name: distribution for group in self._groups for name, distribution in group.items()
        }

    def sample_relative(self, study: Study, trial: FrozenTrial, search_space: Space) -> Space:
        """Returns the proposals for each group that has enough trials to learn from."""
        proposed: dict[str, Any] = {}
        several = len(study.directions) > 1
        for group in self._groups:
            space = {name: group[name] for name in group if name in search_space}
            for name, value in self._propose_group(space, several=several).items():
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

    def _learns_from(self, trials: Sequence[KnownTrial]) -> bool:
        stopped = sum(not trial.runs for trial in trials)
        return stopped >= self._startup_trials

    def _propose_group(self, space: Space, *, several: bool) -> dict[str, Any]:
        names = frozenset(space)
        having = [trial for trial in self._seen if names <= trial.names]
        rung = deciding_rung(having, self._rungs, max(len(space) + 1, MIN_POINTS))
        if not space or rung is None:
            return {}
        if several:
            # Loads SciPy, which takes longer than most proposals.
            from hpsearch.search.rungs.hypervolume import most_promising

            return most_promising(having, rung, space, self._random)
        below, above = (
            _ScottEstimator(columns(trials, space), space) for trials in split(having, rung)
        )
        return best_candidate(below, above, space, self._random, self._candidates)


def _groups(trials: Sequence[KnownTrial]) -> list[Space]:
    """Returns the parameters, grouped by which occur together in trials, in a fixed order."""
    different = {trial.names: dict(trial.distributions) for trial in trials}
    searched = (
        {name: space[name] for name in sorted(space) if not space[name].single()}
        for space in group_spaces(different.values()).search_spaces
    )
    return sorted(filter(None, searched), key=list)


def split(trials: Sequence[KnownTrial], rung: int) -> tuple[list[KnownTrial], list[KnownTrial]]:
    """Returns the trials that are good at a rung and the others, oldest first.

    Of the others, it is at most `MOST_OTHERS`, evenly spread.
    """
    met, begun, unfit = by_rung(trials, rung)
    order = best_first({trial.number: trial.losses[rung] for trial in met})
    good = set(order[: good_share(len(order))])
    others = [trial for trial in [*met, *begun, *unfit] if trial.number not in good]
    below = [trial for trial in met if trial.number in good]
    return below, evenly(sorted(others, key=lambda trial: trial.number), MOST_OTHERS)


class _ScottEstimator(KernelEstimator):
    """Optuna's mixture of kernels, with the width of each by Scott's rule."""

    def width(self, observations: int, parameters: int) -> float:
        """Returns the width of each kernel, as a share of its parameter's range."""
        scott: float = WIDTH * max(observations, 1) ** (-1 / (parameters + 4))
        return max(scott, NARROWEST, 1 / (2 + observations))
