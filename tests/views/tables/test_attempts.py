"""How often a trial was started, and what each attempt lost."""

from __future__ import annotations

from typing import Any

import pytest

from hpsearch.views.tables.trial import attempts_table, lost_words, trial_details

HUNG = "its process gave no sign of life for 900 s (study.hang_timeout)"


def attempt(how: str | None = "complete", **fields: Any) -> dict[str, Any]:
    known = {"started": "2026-03-04T12:30:00+01:00", "host": "here", "slot": "cpu:0"}
    return {**known, "from_epoch": 0, "epochs": 3, "lost_s": None, "how": how, **fields}


def test_each_attempt_tells_when_where_how_far_why_it_ended_and_what_it_lost(
    make_study: Any, make_trial: Any, on_screen: Any
) -> None:
    trial = make_trial(attempts=(attempt(HUNG, lost_s=904.0), attempt(from_epoch=3, epochs=7)))
    text = on_screen(trial_details(make_study(trial), trial))
    rows = [" ".join(line.split()) for line in text.splitlines()]
    assert "2 attempts" in rows
    hung = HUNG.removeprefix("its process ")
    assert f"1 2026-03-04 12:30:00 cpu:0 0 to 3 {hung} 15m 04s" in rows
    assert "2 2026-03-04 12:30:00 cpu:0 3 to 7 complete -" in rows


@pytest.mark.parametrize(
    ("ended", "later", "words"),
    [
        ({"lost_s": 3.14}, [{"from_epoch": 3}], "3.1s"),
        ({"lost_s": 3.14}, [{"from_epoch": 2}], "1 epoch and 3.1s"),
        ({"lost_s": None}, [{"from_epoch": None}, {"from_epoch": 0}], "3 epochs"),
        ({"lost_s": None}, [], "-"),
        ({"epochs": None, "lost_s": 2.0}, [{"from_epoch": 0}], "2.0s"),
    ],
)
def test_lost_is_what_no_later_attempt_could_continue_from(
    ended: dict[str, Any], later: list[dict[str, Any]], words: str
) -> None:
    assert lost_words(attempt(**ended), later) == words


def test_an_attempt_that_runs_or_never_trained_has_dashes(make_trial: Any, on_screen: Any) -> None:
    running = attempt(None, epochs=None)
    unborn = attempt("failed", from_epoch=None, epochs=None)
    rows = on_screen(attempts_table(make_trial(attempts=(running, unborn)))).splitlines()
    assert rows[2].split()[-4:] == ["to", "?", "-", "-"]
    assert rows[3].split()[-4:] == ["cpu:0", "-", "failed", "-"]


def test_hosts_are_named_where_there_were_several(make_trial: Any, on_screen: Any) -> None:
    trial = make_trial(attempts=(attempt("killed"), attempt(host="there")))
    text = on_screen(attempts_table(trial))
    assert "here cpu:0" in text
    assert "there cpu:0" in text


def test_an_attempt_of_an_older_version_is_shown_as_far_as_it_is_known(
    make_trial: Any, on_screen: Any
) -> None:
    old = ({"started": "2026-01-01", "device": "cpu"}, {"from_epoch": 2, "how": "killed"})
    rows = on_screen(attempts_table(make_trial(attempts=old))).splitlines()
    assert rows[2].split() == ["1", "2026-01-01", "cpu", "-", "-", "-"]
    assert rows[3].split() == ["2", "-", "-", "2", "to", "?", "killed", "-"]


def test_metrics_of_the_best_epoch_keep_the_names_that_the_module_logs_them_by(
    make_study: Any, make_trial: Any, on_screen: Any
) -> None:
    logged = {"train/loss_step": 0.5192, "val_accuracy": 0.9}
    trial = make_trial(attributes={"best_step": 2, **{f"best_{k}": v for k, v in logged.items()}})
    rows = [
        " ".join(line.split())
        for line in on_screen(trial_details(make_study(trial), trial)).splitlines()
    ]
    assert "best epoch 2" in rows
    title = rows.index("metrics of the best epoch")
    assert rows[title + 1 : title + 3] == ["train/loss_step 0.5192", "val_accuracy 0.9000"]


def test_decisions_are_shown_in_order_with_their_reasons(
    make_study: Any, make_trial: Any, on_screen: Any
) -> None:
    place = "place 2 of 3 after epoch 1, where the best one continues"
    decisions = [
        {"step": 1, "action": "pause", "rung": 1, "reason": place},
        {"step": 2, "action": "prune", "rung": 0, "reason": "by MedianPruner: it was behind"},
    ]
    trial = make_trial(state="pruned", attributes={"decisions": decisions})
    rows = [
        " ".join(line.split())
        for line in on_screen(trial_details(make_study(trial), trial)).splitlines()
    ]
    start = rows.index("decisions")
    assert rows[start + 1 : start + 3] == [
        f"after epoch 1 paused: {place}",
        "after epoch 2 pruned by MedianPruner: it was behind",
    ]
