from __future__ import annotations

from typing import Any

import pytest

from hpsearch.views.report.sections.confirmed import confirmed

MEASURED = {"seeds": 5, "difference": 0.001}


def finalist(trial: int, mean: float | None, **fields: Any) -> dict[str, Any]:
    known = {"low": 0.97, "high": 0.99, "searched": 0.99, "optimism": 0.01, "values": {"1": 0.98}}
    known |= {"parameters": 100 * trial, "seconds": 1.0}
    return {"trial": trial, "confirmed": mean, **known, **fields}


def record(**fields: Any) -> dict[str, Any]:
    pair = {"first": 4, "second": 2, **MEASURED, "p_value": 0.5, "beats": False}
    known = {"seeds": 5, "chosen": 2, "reason": "parameters", "comparison": pair, "test": None}
    known |= {"model": {"seed": 3}}
    return {**known, "finalists": [finalist(4, 0.981), finalist(2, 0.98)], **fields}


def test_a_tie_is_called_a_tie_and_the_chosen_trial_is_marked(make_material: Any) -> None:
    words, table = confirmed(make_material(confirmation=record())).parts
    assert (
        "Trials 4 and 2 cannot be told apart: they differ by 0.0010 over 5 seeds (paired t-test,"
        " p = 0.5). Trial 2 is taken, the cheaper: 200 weights against 400." in words.text
    )
    assert table.marked == [1]
    assert table.rows[0] == ("4", "0.9900", "0.9810", "0.9700 to 0.9900", "0.0100", "1")


def test_a_victory_is_called_one(make_material: Any) -> None:
    pair = {"first": 4, "second": 2, **MEASURED, "p_value": 0.004, "beats": True}
    words, _ = confirmed(make_material(confirmation=record(comparison=pair))).parts
    assert "Trial 4 beats trial 2 by 0.0010 over 5 seeds (paired t-test, p = 0.004)." in words.text


@pytest.mark.parametrize(
    ("found", "times", "said"),
    [
        (
            {"value": 0.9812, "failure": ""},
            1,
            "On the test split: test_accuracy 0.9812 (95 % interval 0.9784 to 0.9837, 10,000"
            " examples), of the run with seed 3, the median of its runs; 0.9815 on average over its"
            " 5 seeds (0.9810 to 0.9820); the test split was opened at noon.",
        ),
        (
            {"value": None, "failure": "it broke"},
            2,
            "No test value: the test split was opened at noon, and it broke. It was opened 2 times"
            " for this search.",
        ),
    ],
)
def test_what_the_test_split_said_is_reported(
    make_material: Any, found: dict[str, Any], times: int, said: str
) -> None:
    over_seeds = {"runs": 5, "mean": 0.9815, "lowest": 0.981, "highest": 0.982}
    test = {"metric": "test_accuracy", "low": 0.9784, "high": 0.9837, "over_seeds": over_seeds}
    test |= {"examples": 10000, "earlier": [], "opened": "noon", **found}
    data = make_material(confirmation=record(test=test), test_evaluations=({},) * times)
    assert confirmed(data).parts[-1].text == said


def test_a_lone_finalist_that_failed_can_be_shown(make_material: Any) -> None:
    lone = finalist(4, None, low=None, high=None, optimism=None, values={})
    found = record(finalists=[lone], chosen=4, comparison=None)
    _, table = confirmed(make_material(confirmation=found)).parts
    assert table.rows == [("4", "0.9900", "-", "-", "-", "0")]


def test_nothing_is_said_before_confirm(make_material: Any) -> None:
    assert confirmed(make_material()) is None
