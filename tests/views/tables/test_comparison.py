from __future__ import annotations

from typing import Any

import pytest

from hpsearch.views.tables.comparison import Compared, comparison, comparison_entries

CONFIRMATION = {
    "chosen": 3,
    "finalists": [
        {"trial": 1, "confirmed": 0.5, "low": 0.4, "high": 0.6},
        {"trial": 3, "confirmed": 0.875, "low": 0.85, "high": 0.9},
    ],
}
FACTS = {"parameters": 49095, "gap": 0.0123}


def rows(text: str) -> dict[str, list[str]]:
    """The cells beside each name."""
    lines = [line.split("  ") for line in text.splitlines()]
    cells = [[cell.strip() for cell in line if cell.strip()] for line in lines]
    return {line[0]: line[1:] for line in cells if line and line[0][0] != "─"}


def test_studies_stand_side_by_side(make_study: Any, make_trial: Any, on_screen: Any) -> None:
    first = make_study(make_trial(0, attributes=FACTS), make_trial(1, "pruned"), name="cnn")
    second = make_study(make_trial(0, "failed"), name="mlp")
    searched = ["model.hidden", "optimizer.lr", "model.of_a_branch_that_is_not_taken"]
    compared = [Compared(first, searched), Compared(second, [])]
    assert rows(on_screen(comparison(compared, width=80), width=80)) == {
        "study": ["cnn", "mlp"],
        "objective": ["maximize val_accuracy", "maximize val_accuracy"],
        "state": ["done", "done"],
        "best": ["val_accuracy 0.9000 (trial 0)", "-"],
        "its curve": ["▁█"],
        "generalization gap": ["0.0123", "-"],
        "its weights": ["49,095", "-"],
        "its time": ["1m 15s", "-"],
        "trials": ["1 complete,", "1 failed"],
        "1 pruned": [],
        "all trials' time": ["2m 30s", "1m 15s"],
        "hidden": ["32", "-"],
        "lr": ["0.001", "-"],
    }


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_no_screen_cuts_a_value(
    make_study: Any, make_trial: Any, on_screen: Any, width: int
) -> None:
    compared = [
        Compared(
            make_study(
                make_trial(number, value=98765.4321, attributes=FACTS), name=f"study-{number}"
            ),
            ["model.hidden", "optimizer.lr"],
        )
        for number in range(5)
    ]
    text = on_screen(comparison(compared, width=width), width=width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    for value in ("98765.4321", "49,095", "0.0123", "0.001"):
        assert text.count(value) == 5


def test_confirmed_value_is_that_of_the_chosen_trial(make_study: Any, make_trial: Any) -> None:
    study = make_study(make_trial(3, attributes=FACTS), confirmation=CONFIRMATION)
    (entry,) = comparison_entries([Compared(study, [])])
    assert entry["confirmed"] == {"number": 3, "value": 0.875, "low": 0.85, "high": 0.9}
    assert (entry["weights"], entry["generalization_gap"]) == (49095, 0.0123)
    assert entry["curve"] == {"1": 0.45, "2": 0.9}
    assert entry["settings"] == {"model.hidden": 32, "optimizer.lr": 0.001}


def test_confirmed_value_is_shown_with_its_interval(
    make_study: Any, make_trial: Any, on_screen: Any
) -> None:
    study = make_study(make_trial(3), confirmation=CONFIRMATION)
    shown = rows(on_screen(comparison([Compared(study, [])], width=80), width=80))
    assert shown["confirmed"] == ["0.8750 (trial 3)"]
    assert shown["95 %"] == ["0.8500 to 0.9000"]


def test_different_objectives_are_pointed_out(
    make_study: Any, make_trial: Any, on_screen: Any
) -> None:
    first = make_study(make_trial(0))
    second = make_study(make_trial(0), objectives={"val_loss": "minimize"})
    table = comparison([Compared(first, []), Compared(second, [])], width=140)
    assert "different objectives: their values cannot be compared" in on_screen(table, width=140)
