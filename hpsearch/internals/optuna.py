"""What of Optuna is not its public interface: ids, tables, and caches."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import optuna
import sqlalchemy as sa
from optuna._transform import _SearchSpaceTransform
from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage, InMemoryStorage, RDBStorage
from optuna.storages._cached_storage import _CachedStorage as CachedStorage
from optuna.storages._rdb import models
from optuna.study import StudyDirection
from optuna.study._constrained_optimization import _is_constrained_optimization
from optuna.study._frozen import FrozenStudy
from optuna.study._multi_objective import (
    _fast_non_domination_rank,
    _get_pareto_front_trials_by_trials,
)
from optuna.study.study import _SYSTEM_ATTR_METRIC_NAMES as METRIC_NAMES
from optuna.trial import FrozenTrial, Trial, TrialState

__all__ = [
    "METRIC_NAMES",
    "TABLES",
    "CachedStorage",
    "FrozenStudy",
    "UnitScale",
    "add_unchanged",
    "all_trials",
    "check_schema",
    "database_of",
    "decode_intermediate",
    "decode_value",
    "domination_ranks",
    "encode_intermediate",
    "encode_value",
    "forget_trials",
    "is_in_range",
    "pareto_numbers",
    "storage_of",
    "study_id_of",
    "trial_id_of",
]

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
    """Returns a trial's value as its table holds it: the number, and of what kind it is."""
    return models.TrialValueModel.value_to_stored_repr(value)


def decode_value(stored: float | None, kind: Any) -> float:
    """Returns the value that `encode_value` has encoded."""
    return models.TrialValueModel.stored_repr_to_value(stored, kind)


def encode_intermediate(value: float) -> tuple[float | None, Any]:
    """Returns a value of an epoch as its table holds it: the number, and of what kind it is."""
    return models.TrialIntermediateValueModel.intermediate_value_to_stored_repr(value)


def decode_intermediate(stored: float | None, kind: Any) -> float:
    """Returns the value that `encode_intermediate` has encoded."""
    return models.TrialIntermediateValueModel.stored_repr_to_intermediate_value(stored, kind)


def add_unchanged(storage: InMemoryStorage, study_id: int, trial: FrozenTrial) -> None:
    """Adds a trial as it is to a study in memory; its id becomes its number.

    Optuna's own way makes a deep copy of each trial, which takes long for thousands.
    """
    number = trial._trial_id = trial.number
    storage._max_trial_id = number
    storage._trial_id_to_study_id_and_number[number] = (study_id, number)
    storage._studies[study_id].trials.append(trial)
    storage._update_cache(number, study_id)


def forget_trials(study: optuna.Study) -> None:
    """Has a study read its trials again when they are next asked for, as `study.ask` does."""
    study._thread_local.cached_all_trials = None


def all_trials(study: optuna.Study, states: Collection[TrialState]) -> list[FrozenTrial]:
    """Returns the trials in these states, not to be changed; under Hyperband of every bracket.

    The public `get_trials` shows a sampler those of one bracket only.
    """
    return study._get_trials(deepcopy=False, states=tuple(states))


def is_in_range(distribution: BaseDistribution, stored: float) -> bool:
    """Returns whether a distribution holds a value, given as Optuna stores it."""
    return distribution._contains(stored)


def pareto_numbers(
    trials: Sequence[FrozenTrial], directions: Sequence[StudyDirection]
) -> frozenset[int]:
    """Returns the numbers of the trials on the Pareto front; none for a single objective.

    Those that `study.best_trials` returns, which reads all trials again and copies each of them.
    """
    if len(directions) == 1:
        return frozenset()
    constrained = _is_constrained_optimization(list(trials))
    best = _get_pareto_front_trials_by_trials(trials, directions, constrained)
    return frozenset(trial.number for trial in best)


def domination_ranks(losses: np.ndarray) -> np.ndarray:
    """Returns the non-dominated rank of each row of losses: how many Pareto fronts are ahead.

    Args:
        losses: trials by objectives, the smaller the better.
    """
    return _fast_non_domination_rank(losses)


class UnitScale:
    """A numerical parameter on a scale from 0 to 1, logarithmic where its range is."""

    def __init__(self, name: str, distribution: BaseDistribution) -> None:
        self._name = name
        self._scale = _SearchSpaceTransform({name: distribution}, transform_0_1=True)

    def place(self, value: Any) -> np.ndarray:
        """Returns where a value is on the scale, as an array of one number."""
        return self._scale.transform({self._name: value})

    def value(self, place: np.ndarray) -> Any:
        """Returns the value at a place on the scale."""
        return self._scale.untransform(place)[self._name]
