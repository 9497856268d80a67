"""What the note beside a trial says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hpsearch.views.dashboard.notes import trial_note

OBJECTIVES = ("val_accuracy",)
DECISION = {"step": 2, "action": "prune", "rung": 0, "reason": "by MedianPruner: behind 0.95"}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {"state": "complete", "attributes": {"best_step": 2}},
            "**Complete**: `val_accuracy` 0.9000, at epoch 2 of 2",
        ),
        (
            {"state": "pruned", "attributes": {"pruned_at": 2}},
            "**Pruned** after epoch 2: `val_accuracy` was 0.9000",
        ),
        (
            {"state": "pruned", "attributes": {"pruned_at": 2, "decisions": [DECISION]}},
            "**Pruned** after epoch 2\n\n`pruned by MedianPruner: behind 0.95`",
        ),
        ({"state": "failed"}, "**Failed**\n\n```\nout of memory\n```"),
        ({"state": "running"}, "**Running**: 2 epochs done"),
        ({"state": "waiting", "values_by_epoch": {}}, "**Waiting** to continue: 0 epochs done"),
        ({"state": "pruned", "values_by_epoch": {}}, "**Pruned**\n"),
    ],
)
def test_a_note_opens_with_how_the_trial_ended(
    make_trial: Callable[..., Any],
    fields: dict[str, Any],
    words: str,
) -> None:
    trial = make_trial(**fields)
    assert trial_note(OBJECTIVES, trial, {}).startswith(words)


def test_a_note_counts_what_the_trial_reports_after(make_trial: Callable[..., Any]) -> None:
    note = trial_note(OBJECTIVES, make_trial(state="running"), {}, "validation")
    assert note.startswith("**Running**: 2 validations done")


def test_a_note_shows_curves_parameters_and_checkpoint(make_trial: Callable[..., Any]) -> None:
    trial = make_trial()
    note = trial_note(OBJECTIVES, trial, {"learning curves": "/artifacts/1/2/1-0-1"})
    assert "![learning curves](/artifacts/1/2/1-0-1)" in note
    assert "```yaml\nmodel.hidden: 32\noptimizer.lr: 0.001\n```" in note
    assert note.endswith("best checkpoint: `runs/mnist/trial-0000/best.ckpt`")


def test_what_a_trial_says_cannot_leave_its_block(make_trial: Callable[..., Any]) -> None:
    failure = "``` <img src=x onerror=alert(1)>"
    trial = make_trial(state="failed", attributes={"failure": failure, "traceback": "a\n````\nb"})
    note = trial_note(OBJECTIVES, trial, {})
    assert f"````\n{failure}\n````" in note
    assert "`````\na\n````\nb\n`````" in note


def test_a_name_with_a_blank_line_cannot_leave_its_code(make_trial: Callable[..., Any]) -> None:
    note = trial_note(("a\n\n<iframe srcdoc=x>",), make_trial(), {})
    assert note.startswith("**Complete**: `a <iframe srcdoc=x>` 0.9000")
