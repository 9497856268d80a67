"""What of Optuna's TPE is not its public interface."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.samplers import RandomSampler, TPESampler
from optuna.samplers._tpe.parzen_estimator import _ParzenEstimator, _ParzenEstimatorParameters
from optuna.samplers._tpe.probability_distributions import (
    _BatchedCategoricalDistributions,
    _BatchedDistributions,
)
from optuna.samplers._tpe.sampler import _RELATIVE_PARAMS_KEY, default_gamma
from optuna.search_space.group_decomposed import _SearchSpaceGroup
from optuna.trial import FrozenTrial

__all__ = [
    "ColumnTPE",
    "Columns",
    "History",
    "KernelEstimator",
    "ParzenSampler",
    "good_share",
    "group_parameters",
    "relative_params",
]

Space = dict[str, BaseDistribution]
# By parameter, the values of some trials, in one order, as the database has them.
Columns = Mapping[str, np.ndarray]


def group_parameters(spaces: Iterable[Space]) -> list[Space]:
    """Returns the parameters of some trials in groups that the trials have together."""
    found = _SearchSpaceGroup()
    for space in spaces:
        found.add_distributions(space)
    return found.search_spaces


def good_share(trials: int) -> int:
    """Returns how many of so many trials TPE takes for the good ones."""
    return default_gamma(trials)


def relative_params(trial: FrozenTrial) -> dict[str, Any]:
    """Returns what TPE has proposed for a trial, be it taken already or not."""
    attributes, text, part = trial.system_attrs, "", 0
    while found := attributes.get(f"{_RELATIVE_PARAMS_KEY}:{part}"):
        text, part = text + found, part + 1
    proposed: dict[str, Any] = json.loads(text) if text else {}
    return proposed


class History(Protocol):
    """The trials of a study, as TPE learns from them."""

    def __len__(self) -> int:
        """Returns how many trials are complete or pruned."""

    def spaces(self) -> Iterable[Space]:
        """Returns the different parameters of trials that are over, in the order of the trials."""

    def split(self, number: int, names: Sequence[str], *, running: bool) -> tuple[Columns, Columns]:
        """Returns the good trials and the others that have some parameters, by number.

        Args:
            number: the trial that is proposed; it is neither.
            names: the parameters.
            running: whether running trials are among the others.
        """


class ColumnTPE(TPESampler):
    """Optuna's TPE, for a subclass that keeps the trials in columns.

    It proposes the same. With several objectives it is Optuna's own in everything.
    """

    @abstractmethod
    def history(self, study: optuna.Study) -> History:
        """Returns what it learns from, as it is now."""

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> Space:
        """Returns the parameters that are proposed together."""
        if len(study.directions) > 1 or not self._group:
            found: Space = super().infer_relative_search_space(study, trial)
            return found
        self._search_space_group = group = _SearchSpaceGroup()
        for space in self.history(study).spaces():
            group.add_distributions(space)
        return {
            name: space[name]
            for space in group.search_spaces
            for name in sorted(space)
            if not space[name].single()
        }

    def _sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: Space
    ) -> dict[str, Any]:
        if len(study.directions) > 1:
            return super()._sample_relative(study, trial, search_space)
        if not search_space or len(self.history(study)) < self._n_startup_trials:
            return {}
        return self._sample(study, trial, search_space)

    def _sample(
        self, study: optuna.Study, trial: FrozenTrial, search_space: Space
    ) -> dict[str, Any]:
        if len(study.directions) > 1:
            return super()._sample(study, trial, search_space)
        running = self._constant_liar
        good, others = self.history(study).split(trial.number, list(search_space), running=running)
        estimator, parameters = self._parzen_estimator_cls, self._parzen_estimator_parameters
        below = estimator(dict(good), search_space, parameters)
        above = estimator(dict(others), search_space, parameters)
        candidates = below.sample(self._rng.rng, self._n_ei_candidates)
        chosen = self._compare(candidates, self._compute_acquisition_func(candidates, below, above))
        return _outside(chosen, search_space)


class KernelEstimator(_ParzenEstimator):
    """TPE's mixture of kernels, whose widths a subclass decides."""

    @abstractmethod
    def width(self, observations: int, parameters: int) -> float:
        """Returns the width of each kernel, as a share of its parameter's range.

        Args:
            observations: how many trials it learns from.
            parameters: how many parameters these have.
        """

    def _calculate_numerical_distributions(
        self,
        observations: np.ndarray,
        search_space: FloatDistribution | IntDistribution,
        parameters: _ParzenEstimatorParameters,
    ) -> _BatchedDistributions:
        kernels = super()._calculate_numerical_distributions(observations, search_space, parameters)
        assert not isinstance(kernels, _BatchedCategoricalDistributions)
        count, whole = len(observations), kernels.sigma[-1]
        width = self.width(count, len(self._search_space))
        return kernels._replace(sigma=np.append(np.full(count, width * whole), whole))


class ParzenSampler(TPESampler):
    """TPE, for a subclass that decides itself which trials it learns from.

    Args:
        estimator: the kernels to learn with.
        seed: of its random numbers.
        n_startup_trials: trials before it learns.
        n_ei_candidates: candidates for each proposal.
    """

    def __init__(
        self,
        estimator: type[KernelEstimator],
        *,
        seed: int | None,
        n_startup_trials: int,
        n_ei_candidates: int,
    ) -> None:
        super().__init__(
            seed=seed, n_startup_trials=n_startup_trials, n_ei_candidates=n_ei_candidates
        )
        self._parzen_estimator_cls = estimator
        # TPE seeds both alike: whatever is decided with the first number of the one would be the
        # first value that the other draws.
        self._random_sampler = RandomSampler(seed=int(self._rng.rng.randint(2**31)))

    @property
    def random(self) -> np.random.RandomState:
        """The sampler's random numbers."""
        return self._rng.rng

    @property
    def startup_trials(self) -> int:
        """How many trials there must be before it learns."""
        return self._n_startup_trials

    def draw(
        self, study: optuna.Study, trial: FrozenTrial, name: str, distribution: BaseDistribution
    ) -> Any:
        """Returns a value of one parameter at random."""
        return self._random_sampler.sample_independent(study, trial, name, distribution)

    def propose(
        self,
        study: optuna.Study,
        space: Space,
        good: Sequence[FrozenTrial],
        others: Sequence[FrozenTrial],
    ) -> dict[str, Any]:
        """Returns the best of its candidates: likely among the good trials, and not the others."""
        below = self._build_parzen_estimator(study, space, list(good), handle_below=True)
        above = self._build_parzen_estimator(study, space, list(others), handle_below=False)
        candidates = below.sample(self._rng.rng, self._n_ei_candidates)
        chosen = self._compare(candidates, self._compute_acquisition_func(candidates, below, above))
        return _outside(chosen, space)


def _outside(values: Mapping[str, float], space: Space) -> dict[str, Any]:
    """Returns values of the database as those of their parameters."""
    return {name: space[name].to_external_repr(value) for name, value in values.items()}
