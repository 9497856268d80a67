"""What of Optuna is not its public interface: the front of several objectives, and storages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import optuna
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from optuna.study._constrained_optimization import _is_constrained_optimization
from optuna.study._multi_objective import _get_pareto_front_trials_by_trials
from optuna.trial import FrozenTrial


def pareto_numbers(
    trials: Sequence[FrozenTrial], directions: Sequence[StudyDirection]
) -> frozenset[int]:
    """Returns the numbers of the trials on the front; none where there is only one objective.

    Those that `study.best_trials` returns, which reads all trials again and copies each of them.
    """
    if len(directions) == 1:
        return frozenset()
    constrained = _is_constrained_optimization(list(trials))
    front = _get_pareto_front_trials_by_trials(trials, directions, constrained)
    return frozenset(trial.number for trial in front)


def database_of(study: optuna.Study) -> RDBStorage | None:
    """Returns the database that a study was loaded from; None for a study in memory."""
    storage: Any = study._storage
    storage = getattr(storage, "_backend", storage)
    return storage if isinstance(storage, RDBStorage) else None
