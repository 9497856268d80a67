"""Trials with several objectives in one order, the Pareto front first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from hpsearch.internals.optuna import domination_ranks

Losses = tuple[float, ...]


def best_first(losses: Mapping[int, Losses]) -> list[int]:
    """Returns the trials sorted by their losses, and by number among equals.

    With several objectives, they are sorted by non-dominated rank and, within a rank, by crowding
    distance, largest first, as in NSGA-II (Deb et al. 2002): the trials that continue then cover
    the whole Pareto front.

    Args:
        losses: of each trial, one value for each objective; smaller is better.
    """
    numbers = sorted(losses)
    if not numbers or len(losses[numbers[0]]) == 1:
        return sorted(numbers, key=lambda number: losses[number])
    table = np.array([losses[number] for number in numbers])
    ranks = domination_ranks(table)
    room = np.empty(len(numbers))
    for rank in set(ranks.tolist()):
        members = ranks == rank
        room[members] = _distance_to_neighbours(table[members])
    order = sorted(range(len(numbers)), key=lambda i: (ranks[i], -room[i]))
    return [numbers[i] for i in order]


def pareto_numbers(
    trials: Sequence[FrozenTrial], directions: Sequence[StudyDirection]
) -> frozenset[int]:
    """Returns the numbers of the trials on the Pareto front; none for a single objective.

    These are the trials of `study.best_trials`, which reads every trial again and copies it.
    """
    if len(directions) == 1:
        return frozenset()
    signs = [-1.0 if way == StudyDirection.MAXIMIZE else 1.0 for way in directions]
    losses = {
        trial.number: [sign * value for sign, value in zip(signs, trial.values, strict=True)]
        for trial in trials
        if trial.state == TrialState.COMPLETE
        and not any(excess > 0 for excess in trial.constraints.values())
    }
    ranks = domination_ranks(np.array([*losses.values()]), at_least=1)
    return frozenset(number for number, rank in zip(losses, ranks, strict=True) if rank == 0)


def _distance_to_neighbours(table: np.ndarray) -> np.ndarray:
    """Returns each row's crowding distance; infinite for an objective's best and worst rows."""
    room = np.zeros(len(table))
    for column in table.T:
        order = np.argsort(column, kind="stable")
        ordered = column[order]
        span = ordered[-1] - ordered[0]
        distances = np.full(len(table), np.inf)
        if span > 0:
            distances[1:-1] = (ordered[2:] - ordered[:-2]) / span
        else:
            distances[:] = 0.0
        room[order] += distances
    return room
