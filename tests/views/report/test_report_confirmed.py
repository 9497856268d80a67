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
    ("value", "said"),
    [
        (0.9812, "opened once: test_accuracy 0.9812 on 10,000 examples, 95 % interval 0.9784"),
        (None, "opened once, without a result: it broke"),
    ],
)
def test_what_the_test_split_said_is_reported(
    make_material: Any, value: float | None, said: str
) -> None:
    test = {"metric": "test_accuracy", "value": value, "low": 0.9784, "high": 0.9837}
    test |= {"examples": 10000, "failure": "it broke", "earlier": [{"opened": "noon"}]}
    data = make_material(confirmation=record(test=test), test_evaluations=({},))
    text = confirmed(data).parts[-1].text
    assert said in text
    others = "opened once before in this folder, for another program at noon"
    assert (others in text) is (value is not None)


def test_a_lone_finalist_that_failed_can_be_shown(make_material: Any) -> None:
    lone = finalist(4, None, low=None, high=None, optimism=None, values={})
    found = record(finalists=[lone], chosen=4, comparison=None)
    _, table = confirmed(make_material(confirmation=found)).parts
    assert table.rows == [("4", "0.9900", "-", "-", "-", "0")]


def test_nothing_is_said_before_confirm(make_material: Any) -> None:
    assert confirmed(make_material()) is None
