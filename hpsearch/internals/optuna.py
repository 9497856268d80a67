"""Optuna's private names: ids, tables, caches, and the parts of TPE."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import optuna
import sqlalchemy as sa
from optuna._transform import _SearchSpaceTransform as SearchSpaceTransform
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.samplers import TPESampler
from optuna.samplers._tpe.parzen_estimator import _ParzenEstimator, _ParzenEstimatorParameters
from optuna.samplers._tpe.probability_distributions import (
    _BatchedCategoricalDistributions,
    _BatchedDistributions,
)
from optuna.samplers._tpe.sampler import _RELATIVE_PARAMS_KEY as RELATIVE_PARAMS
from optuna.samplers._tpe.sampler import default_gamma as good_share
from optuna.search_space.group_decomposed import _SearchSpaceGroup
from optuna.storages import BaseStorage, InMemoryStorage, RDBStorage
from optuna.storages._cached_storage import _CachedStorage as CachedStorage
from optuna.storages._rdb import models
from optuna.study._frozen import FrozenStudy
from optuna.study._multi_objective import _fast_non_domination_rank
from optuna.study.study import _SYSTEM_ATTR_METRIC_NAMES as METRIC_NAMES
from optuna.trial import FrozenTrial, Trial, TrialState

__all__ = [
    "METRIC_NAMES",
    "RELATIVE_PARAMS",
    "TABLES",
    "CachedStorage",
    "ColumnTPE",
    "FrozenStudy",
    "KernelEstimator",
    "SearchSpaceTransform",
    "add_unchanged",
    "all_trials",
    "best_candidate",
    "check_schema",
    "database_of",
    "decode_intermediate",
    "decode_value",
    "domination_ranks",
    "encode_intermediate",
    "encode_value",
    "forget_trials",
    "good_share",
    "group_spaces",
    "is_in_range",
    "storage_of",
    "study_of",
    "study_id_of",
    "trial_id_of",
]

Space = dict[str, BaseDistribution]
# By parameter, the values of some trials, in one order, as the database stores them.
Columns = Mapping[str, np.ndarray]

# The tables of a database, by their names in SQL.
TABLES: Mapping[str, sa.Table] = models.BaseModel.metadata.tables


def study_id_of(study: optuna.Study | FrozenStudy) -> int:
    """Returns the id of a study in its storage."""
    return study._study_id


def trial_id_of(trial: Trial | FrozenTrial) -> int:
    """Returns the id of a trial in its storage."""
    return trial._trial_id


def storage_of(study: optuna.Study) -> BaseStorage:
    """Returns the storage that a study reads and writes, a cache of its database included."""
    return study._storage


def database_of(study: optuna.Study) -> RDBStorage | None:
    """Returns the database that a study was loaded from; None for a study in memory."""
    storage: Any = study._storage
    storage = getattr(storage, "_backend", storage)
    return storage if isinstance(storage, RDBStorage) else None


def check_schema(database: RDBStorage) -> None:
    """Raises RuntimeError if the tables of a database are not those of this version of Optuna."""
    database._version_manager.check_table_schema_compatibility()


def encode_value(value: float) -> tuple[float | None, Any]:
    """Returns a trial's value as its table holds it: the number, and its kind."""
    return models.TrialValueModel.value_to_stored_repr(value)


def decode_value(stored: float | None, kind: Any) -> float:
    """Returns the value that `encode_value` has encoded."""
    return models.TrialValueModel.stored_repr_to_value(stored, kind)


def encode_intermediate(value: float) -> tuple[float | None, Any]:
    """Returns a value of an epoch as its table holds it: the number, and its kind."""
    return models.TrialIntermediateValueModel.intermediate_value_to_stored_repr(value)


def decode_intermediate(stored: float | None, kind: Any) -> float:
    """Returns the value that `encode_intermediate` has encoded."""
    return models.TrialIntermediateValueModel.stored_repr_to_intermediate_value(stored, kind)


def add_unchanged(storage: InMemoryStorage, study_id: int, trial: FrozenTrial) -> None:
    """Adds a trial unchanged to a study in memory; its id becomes its number.

    Optuna's own way makes a deep copy of each trial, which takes long for thousands.
    """
    number = trial._trial_id = trial.number
    storage._max_trial_id = number
    storage._trial_id_to_study_id_and_number[number] = (study_id, number)
    storage._studies[study_id].trials.append(trial)
    storage._update_cache(number, study_id)


def study_of(
    trials: Sequence[FrozenTrial], directions: Sequence[Literal["maximize", "minimize"]]
) -> optuna.Study:
    """Returns a study in memory with these trials, not copied: it may only be read."""
    storage = InMemoryStorage()
    study = optuna.create_study(storage=storage, directions=[*directions])
    storage._studies[study._study_id].trials.extend(trials)
    return study


def forget_trials(study: optuna.Study) -> None:
    """Makes a study read its trials again at their next use, as `study.ask` does."""
    study._thread_local.cached_all_trials = None


def all_trials(study: optuna.Study, states: Collection[TrialState]) -> list[FrozenTrial]:
    """Returns the trials in these states, of every bracket under Hyperband; do not change them.

    The public `get_trials` shows a sampler those of one bracket only.
    """
    return study._get_trials(deepcopy=False, states=tuple(states))


def is_in_range(distribution: BaseDistribution, stored: float) -> bool:
    """Returns whether a distribution holds a value, given as Optuna stores it."""
    return distribution._contains(stored)


def domination_ranks(losses: np.ndarray, *, at_least: int | None = None) -> np.ndarray:
    """Returns the non-dominated rank of each row of losses: how many Pareto fronts are ahead.

    Args:
        losses: trials by objectives, the smaller the better.
        at_least: how many of the best rows need a rank; the others may all get the worst one.
    """
    return _fast_non_domination_rank(losses, n_below=at_least)


def group_spaces(spaces: Iterable[Space]) -> _SearchSpaceGroup:
    """Returns parameters in groups, its `search_spaces`: those that always occur together."""
    groups = _SearchSpaceGroup()
    for space in spaces:
        groups.add_distributions(space)
    return groups


def best_candidate(
    good: _ParzenEstimator, others: _ParzenEstimator, space: Space, rng: Any, candidates: int
) -> dict[str, Any]:
    """Returns the candidate most likely among the good trials compared with the others.

    Args:
        good: the kernels of the good trials; the candidates are drawn from them.
        others: the kernels of the others.
        space: the parameters.
        rng: numpy's `RandomState`.
        candidates: how many to draw.
    """
    drawn = good.sample(rng, candidates)
    best = np.argmax(good.log_pdf(drawn) - others.log_pdf(drawn))
    return {name: space[name].to_external_repr(drawn[name][best].item()) for name in drawn}


class KernelEstimator(_ParzenEstimator):
    """TPE's mixture of kernels, whose widths a subclass decides.

    Args:
        columns: the trials to learn from.
        space: their parameters.
        alike: whether the trials have equal weights; otherwise those of TPE's defaults.
    """

    def __init__(self, columns: Columns, space: Space, *, alike: bool = False) -> None:
        weights = np.ones(len(next(iter(columns.values())))) if alike else None
        parameters = TPESampler()._parzen_estimator_parameters
        super().__init__(dict(columns), space, parameters, weights)

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


class ColumnTPE(TPESampler):
    """Optuna's TPE, for a subclass that keeps the trials in columns.

    It proposes the same. With several objectives it is Optuna's own in everything.
    """

    @abstractmethod
    def count(self, study: optuna.Study) -> int:
        """Returns how many trials are complete or pruned."""

    @abstractmethod
    def spaces(self, study: optuna.Study) -> Iterable[Space]:
        """Returns the different spaces of finished trials, in the order of the trials."""

    @abstractmethod
    def split(
        self, study: optuna.Study, number: int, names: Sequence[str], *, running: bool
    ) -> tuple[Columns, Columns]:
        """Returns the good trials and the others that have some parameters, by number.

        Args:
            study: the study as it is now.
            number: the trial to propose for; it is in neither.
            names: the parameters.
            running: whether running trials are among the others.
        """

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> Space:
        """Returns the parameters that are proposed together."""
        if len(study.directions) > 1 or not self._group:
            found: Space = super().infer_relative_search_space(study, trial)
            return found
        self._search_space_group = group_spaces(self.spaces(study))
        return {
            name: space[name]
            for space in self._search_space_group.search_spaces
            for name in sorted(space)
            if not space[name].single()
        }

    def _sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: Space
    ) -> dict[str, Any]:
        if len(study.directions) > 1:
            return super()._sample_relative(study, trial, search_space)
        if not search_space or self.count(study) < self._n_startup_trials:
            return {}
        return self._sample(study, trial, search_space)

    def _sample(
        self, study: optuna.Study, trial: FrozenTrial, search_space: Space
    ) -> dict[str, Any]:
        if len(study.directions) > 1:
            return super()._sample(study, trial, search_space)
        below, above = (
            _ParzenEstimator(dict(columns), search_space, self._parzen_estimator_parameters)
            for columns in self.split(
                study, trial.number, list(search_space), running=self._constant_liar
            )
        )
        return best_candidate(below, above, search_space, self._rng.rng, self._n_ei_candidates)
