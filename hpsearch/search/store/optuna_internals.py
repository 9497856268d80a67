"""Of several objectives: the trials that no other trial beats in all of them."""

from __future__ import annotations

from collections.abc import Sequence

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
