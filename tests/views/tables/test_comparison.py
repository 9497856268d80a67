from __future__ import annotations

from typing import Any

from hpsearch.views.tables.comparison import Compared, comparison, comparison_entries

CONFIRMATION = {
    "chosen": 3,
    "finalists": [
        {"trial": 1, "confirmed": 0.5, "low": 0.4, "high": 0.6},
        {"trial": 3, "confirmed": 0.875, "low": 0.85, "high": 0.9},
    ],
}


def test_studies_stand_side_by_side(make_study: Any, make_trial: Any, on_screen: Any) -> None:
    first = make_study(make_trial(0), make_trial(1, "pruned"), name="cnn")
    second = make_study(make_trial(0, "failed"), name="mlp")
    table = comparison([Compared(first, ["model.lr", "model.width"]), Compared(second, [])])
    lines = [line.split() for line in on_screen(table, width=140).splitlines()]
    first_row, second_row = (" ".join(line) for line in lines[2:])
    assert first_row == "cnn done val_accuracy 0.9000 (trial 0) - 2 1 0 2m 30s lr, width"
    assert second_row == "mlp done - - 1 0 1 1m 15s nothing"


def test_confirmed_value_is_that_of_the_chosen_trial(make_study: Any, make_trial: Any) -> None:
    study = make_study(make_trial(3), confirmation=CONFIRMATION)
    (entry,) = comparison_entries([Compared(study, [])])
    assert entry["confirmed"] == {"number": 3, "value": 0.875, "low": 0.85, "high": 0.9}


def test_confirmed_value_is_shown_with_its_interval(
    make_study: Any, make_trial: Any, on_screen: Any
) -> None:
    study = make_study(make_trial(3), confirmation=CONFIRMATION)
    text = on_screen(comparison([Compared(study, [])]), width=180)
    assert "0.8750, 0.8500 to 0.9000 (trial 3)" in text


def test_different_objectives_are_pointed_out(
    make_study: Any, make_trial: Any, on_screen: Any
) -> None:
    first = make_study(make_trial(0))
    second = make_study(make_trial(0), objectives={"val_loss": "minimize"})
    text = on_screen(comparison([Compared(first, []), Compared(second, [])]), width=140)
    assert "different objectives: their values cannot be compared" in text
