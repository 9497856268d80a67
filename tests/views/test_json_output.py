from __future__ import annotations

import json
import math
from typing import Any

from hpsearch.views import json_output


def test_list_entry_has_name_state_and_counts(make_study: Any, make_trial: Any) -> None:
    entry = json_output.study_entry(make_study(make_trial(0), make_trial(1, "pruned")))
    assert entry["name"] == "mnist"
    assert entry["state"] == "done"
    assert entry["counts"] == {
        "complete": 1,
        "pruned": 1,
        "failed": 0,
        "running": 0,
        "paused": 0,
        "waiting": 0,
    }


def test_status_has_the_best_trial_and_the_budget(make_study: Any, make_trial: Any) -> None:
    status = json_output.study_status(
        make_study(make_trial(0, value=0.5), make_trial(1, value=0.75))
    )
    assert status["study"] == "mnist"
    assert status["budget"] == 2
    assert status["best"] == {
        "number": 1,
        "value": 0.75,
        "values": {"val_accuracy": 0.75},
        "params": {"model.hidden": 32, "optimizer.lr": 0.001},
        "checkpoint": "runs/mnist/trial-0001/best.ckpt",
    }
    assert [trial["number"] for trial in status["trials"]] == [0, 1]


def test_study_without_a_complete_trial_has_no_best(make_study: Any, make_trial: Any) -> None:
    assert json_output.study_status(make_study(make_trial(0, "failed")))["best"] is None


def test_trial_has_every_field_that_scripts_read(make_study: Any, make_trial: Any) -> None:
    trial = make_trial(3, attempts=({"device": "cpu", "from_epoch": 0},))
    details = json_output.trial_details(make_study(trial), trial)
    assert {
        "number": 3,
        "state": "complete",
        "params": {"model.hidden": 32, "optimizer.lr": 0.001},
        "value": 0.9,
        "values_by_epoch": {"1": 0.45, "2": 0.9},
        "seconds": 75.0,
        "device": "cpu",
        "checkpoint": "runs/mnist/trial-0003/best.ckpt",
        "attempts": [{"device": "cpu", "from_epoch": 0}],
    }.items() <= details.items()


def test_trial_without_a_value_has_null(make_study: Any, make_trial: Any) -> None:
    trial = make_trial(0, "failed")
    details = json_output.trial_details(make_study(trial), trial)
    assert details["value"] is None
    assert details["values"] is None


def test_numbers_that_json_has_not_become_null() -> None:
    text = json_output.to_json({"a": math.nan, "b": [math.inf, 1.5], "c": (1, "é")})
    assert json.loads(text) == {"a": None, "b": [None, 1.5], "c": [1, "é"]}
