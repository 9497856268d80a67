"""An ensemble in the words people read, on the screen and in the report."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from hpsearch.views.tables.ensemble import ensemble_line, ensemble_view

MEMBERS = [
    {"trial": 4, "of": "search", "count": 3, "searched": 0.99},
    {"trial": 1, "of": "confirmation", "count": 1, "searched": 0.985},
]
TEST = {
    "metric": "test_accuracy",
    "value": 0.9912,
    "low": 0.9891,
    "high": 0.9929,
    "examples": 10_000,
    "opened": "2026-11-22T10:00:00+00:00",
    "failure": "",
}


def record(**changed: Any) -> dict[str, Any]:
    return {
        "metric": "val_accuracy",
        "candidates": 12,
        "examples": 5000,
        "members": MEMBERS,
        "averaging": {"kind": "logits", "dim": 1, "target": 0},
        "values": {"val_accuracy": 0.9925},
        "alone": {"trial": 4, "of": "search", "values": {"val_accuracy": 0.99}},
        "held_out": {"alone": 0.0312, "together": 0.0268},
        "left_out": [],
        "test": TEST,
        "untested": "",
        **changed,
    }


def said(record: dict[str, Any]) -> str:
    console = Console(width=300)
    with console.capture() as capture:
        console.print(ensemble_view(record))
    return " ".join(capture.get().split())


def test_members_are_shown_with_the_result_of_their_average() -> None:
    text = said(record())
    assert "trial 4 75% 0.9900 run 1 of the confirmation 25% 0.9850" in text
    assert (
        "val_accuracy 0.9925; trial 4 alone, the best of 12, has 0.9900. Both were chosen on these"
        " 5,000 validation examples. On halves of them that took no part in the choice,"
        " the log loss is 0.0268, and that of one model alone 0.0312." in text
    )
    assert "On the test split: test_accuracy 0.9912 (95 % interval 0.9891 to 0.9929" in text
    assert ensemble_line(record()) == "2 models: val_accuracy 0.9925, test_accuracy 0.9912"


def test_the_loss_that_decided_is_named() -> None:
    held_out = {"alone": 0.0051, "together": 0.0045, "loss": "log loss of doubtful answers"}
    words = "the log loss of doubtful answers is 0.0045, and that of one model alone 0.0051."
    assert words in said(record(held_out=held_out))


def test_where_no_average_is_better_the_best_is_named() -> None:
    alone = record(members=MEMBERS[:1], test=None)
    assert (
        "No average of the 12 models is better than trial 4 alone, on the validation"
        " examples." in said(alone)
    )
    assert ensemble_line(alone) == "none is better than trial 4 alone"


def test_models_left_out_are_shown_with_the_reason() -> None:
    out = [{"trial": 7, "of": "search", "reason": "its outputs are not finite"}]
    assert "trial 7 is left out: its outputs are not finite" in said(record(left_out=out))


def test_a_test_without_a_value_is_reported() -> None:
    broken = {**TEST, "value": None, "failure": "ValueError: no test today"}
    assert "opened at 2026-11-22T10:00:00+00:00, and ValueError: no" in said(record(test=broken))
    other = {**TEST, "value": None, "metrics": {"test_loss": 0.5}}
    assert "No test_accuracy was logged on the test split; " in said(record(test=other))
    assert "No test value: TestedModel has no test_step" in said(
        record(test=None, untested="TestedModel has no test_step")
    )


def test_earlier_evaluations_on_the_same_images_are_reported() -> None:
    before = [
        {"opened": "2026-11-21T09:00:00+00:00", "study": "first", "what": "trial 3"},
        {
            "opened": "2026-11-22T09:00:00+00:00",
            "study": "digits",
            "what": "the ensemble of 3 models",
            "metrics": {"test_accuracy": 0.99},
        },
    ]
    text = said(record(test={**TEST, "earlier": before}))
    assert (
        "; the test split was opened at 2026-11-22T10:00:00+00:00. The same test data had been"
        " opened 2 times before in this folder, last for the ensemble of 3 models of digits at"
        " 2026-11-22T09:00:00+00:00 (test_accuracy 0.9900): the best of several such figures is"
        " too good, because it was chosen." in text
    )
