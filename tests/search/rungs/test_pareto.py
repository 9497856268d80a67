"""Trials of one objective and of several, in one order."""

from __future__ import annotations

import random

import optuna
import pytest

from hpsearch.search.rungs.ladder import Ladder, Promotion
from hpsearch.search.rungs.pareto import Losses, best_first, pareto_numbers

FRONT = {0: (0.0, 9.0), 1: (4.0, 5.0), 2: (4.5, 4.5), 3: (9.0, 0.0)}


@pytest.mark.parametrize(
    ("losses", "order"),
    [
        ({}, []),
        ({3: (0.5,), 1: (0.5,), 2: (0.1,)}, [2, 1, 3]),
        # Number 4 is beaten by 1 in both; of the front those with far neighbours come first.
        ({**FRONT, 4: (5.0, 6.0)}, [0, 3, 2, 1, 4]),
        ({0: (1.0, 1.0), 1: (1.0, 1.0), 2: (2.0, 2.0)}, [0, 1, 2]),
    ],
)
def test_the_front_comes_first_and_within_it_what_has_room(
    losses: dict[int, Losses], order: list[int]
) -> None:
    assert best_first(losses) == order


def test_a_rung_promotes_a_small_network_that_is_less_accurate() -> None:
    ladder = Ladder((1,), eta=3)
    for number, size in enumerate((90.0, 95.0, 5.0, 99.0, 98.0, 97.0)):
        ladder.report(number, 1, (0.95 if size == 5.0 else size / 100, size))
    assert set(ladder.promotable()) == {Promotion(0, 1), Promotion(2, 1)}


@pytest.mark.parametrize("objectives", [2, 3])
def test_the_pareto_front_is_optunas(objectives: int) -> None:
    chance = random.Random(objectives)
    study = optuna.create_study(directions=["minimize", "maximize", "minimize"][:objectives])
    for number in range(60):
        trial = study.ask()
        if number % 7 == 0:
            trial.set_constraint("memory", 1.0)
        pruned = number % 5 == 0
        values = [float(chance.randrange(6)) for _ in study.directions]
        state = optuna.trial.TrialState.PRUNED if pruned else None
        study.tell(trial, None if pruned else values, state=state)
    best = {trial.number for trial in study.best_trials}
    assert len(best) > 1
    assert pareto_numbers(study.trials, study.directions) == best
    assert pareto_numbers(study.trials[:1], study.directions) == set()
