from __future__ import annotations

import math
from typing import Any

import pytest

from hpsearch.views.ranking import Leading, latest_value, leading, ranked, sorted_by, top


def numbers(trials: Any) -> list[int]:
    return [trial.number for trial in trials]


def test_complete_trials_come_first_and_best_first(make_trial: Any) -> None:
    trials = [
        make_trial(0, "pruned", 0.99),
        make_trial(1, "complete", 0.90),
        make_trial(2, "complete", 0.95),
        make_trial(3, "failed"),
        make_trial(4, "running", 0.5),
    ]
    assert numbers(ranked(trials, "maximize")) == [2, 1, 4, 0, 3]


def test_least_is_best_where_the_objective_is_minimized(make_trial: Any) -> None:
    trials = [make_trial(0, value=0.9), make_trial(1, value=0.1)]
    assert numbers(ranked(trials, "minimize")) == [1, 0]


def test_value_that_is_no_number_comes_last_of_its_state(make_trial: Any) -> None:
    trials = [make_trial(0, value=math.nan), make_trial(1, value=0.1), make_trial(2, value=0.2)]
    assert numbers(ranked(trials, "maximize")) == [2, 1, 0]


def test_running_trial_is_known_by_its_last_report(make_trial: Any) -> None:
    trial = make_trial(0, "running", values_by_epoch={2: 0.7, 1: 0.6})
    assert latest_value(trial) == 0.7
    assert latest_value(make_trial(0, "failed")) is None


def test_a_few_places_are_kept_for_trials_that_are_not_complete(make_trial: Any) -> None:
    complete = [make_trial(n) for n in range(20)]
    pruned = [make_trial(n, "pruned") for n in range(20, 30)]
    shown = top([*complete, *pruned], 10)
    assert numbers(shown) == [0, 1, 2, 3, 4, 5, 6, 20, 21, 22]


def test_everything_is_shown_where_it_fits(make_trial: Any) -> None:
    trials = [make_trial(0), *(make_trial(n, "pruned") for n in range(1, 8))]
    assert top(trials, 8) == trials
    assert top([], 8) == []


def test_one_row_goes_to_the_best(make_trial: Any) -> None:
    assert numbers(top([make_trial(0), make_trial(1, "pruned")], 1)) == [0]


def test_an_unfinished_trial_leads_by_its_best_report(make_study: Any, make_trial: Any) -> None:
    best = make_trial(0, value=0.9)
    ahead = make_trial(1, "running", values=None, values_by_epoch={1: 0.5, 2: 0.95, 3: 0.7})
    behind = make_trial(2, "paused", values=None, values_by_epoch={1: 0.92})
    gone = make_trial(3, "pruned", value=0.99)
    assert leading(make_study(best, ahead, behind, gone)) == Leading(1, "running", 2, 0.95)
    assert leading(make_study(best, gone)) is None
    minimized = make_study(ahead, behind, objectives={"loss": "minimize"})
    assert leading(minimized) == Leading(1, "running", 1, 0.5)


@pytest.mark.parametrize(
    ("key", "order"),
    [
        ("val_accuracy", [1, 2, 0, 3]),
        ("number", [0, 1, 2, 3]),
        ("hidden", [2, 1, 0, 3]),
        ("model.hidden", [2, 1, 0, 3]),
        ("time", [3, 0, 1, 2]),
        ("state", [0, 1, 2, 3]),
    ],
)
def test_trials_are_sorted_by_any_value(
    make_study: Any, make_trial: Any, key: str, order: list[int]
) -> None:
    values, sizes, times = (0.5, 0.9, 0.7), (64, 32, 8), (2.0, 3.0, None)
    trials = [
        make_trial(n, value=values[n], params={"model.hidden": sizes[n]}, seconds=times[n])
        for n in range(3)
    ]
    failed = make_trial(3, "failed", params={}, seconds=1.0)
    assert [trial.number for trial in sorted_by(make_study(*trials, failed), key)] == order
