"""Checkpoints hold plain data, whatever a module keeps among its hyperparameters."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from pathlib import Path
from typing import Any

import callbacks
import numpy as np
import pytest
import torch
from desk import job, run

from hpsearch.classes.records import Settings
from hpsearch.protocol.job import Job
from hpsearch.protocol.messages import Started
from hpsearch.trial.final_test import run_final_test
from hpsearch.trial.rehearsal import rehearsal_failure
from hpsearch.trial.saving.plain_state import missing_for_resume, missing_of_users, plain_part


def trial(folder: Path, model: str) -> Job:
    config = {
        "model": {"class_path": f"callbacks.{model}"},
        "data": {"class_path": "callbacks.Testable"},
        "trainer": {"max_epochs": 3},
    }
    return replace(job(folder), config=config)


@pytest.mark.parametrize(
    "value",
    [1, "a", None, 2.5, (1, 2), {"a": [1, {"b": None}]}, torch.ones(2), torch.float32, {1}],
)
def test_plain_data_are_kept_as_they_are(value: Any) -> None:
    state = {"value": value}
    assert plain_part(state) == (state, [])


@pytest.mark.parametrize(
    "value",
    [
        torch.nn.Linear(1, 1),
        callbacks.Colour.RED,
        Path("x"),
        np.ones(2),
        torch.optim.Adam,
        lambda: 0,
        [1, callbacks.Colour.RED],
    ],
    ids=["network", "enum", "path", "array", "class", "function", "in a list"],
)
def test_what_is_not_plain_is_left_out_and_named(value: Any) -> None:
    kept, left_out = plain_part({"hyper_parameters": {"lr": 0.1, "x": value}})
    assert kept == {"hyper_parameters": {"lr": 0.1}}
    assert [".".join(path.split(".")[:2]) for path in left_out] == ["hyper_parameters.x"]


def test_settings_of_a_study_file_become_a_dict() -> None:
    hparams = Settings({"lr": 0.1, "net": Settings({"depth": 2})})
    kept, left_out = plain_part({"hyper_parameters": {"hparams": hparams}})
    found = kept["hyper_parameters"]["hparams"]
    assert (type(found), type(found["net"]), left_out) == (dict, dict, [])
    assert found == hparams


def test_a_number_of_numpy_becomes_one_of_python() -> None:
    kept, _ = plain_part({"lr_schedulers": [{"best": np.float64(0.5)}]})
    assert kept == {"lr_schedulers": [{"best": 0.5}]}
    assert type(kept["lr_schedulers"][0]["best"]) is float


def test_plain_weights_keep_what_torch_has_noted_beside_them() -> None:
    weights = torch.nn.BatchNorm1d(2).state_dict()
    kept, _ = plain_part({"state_dict": weights})
    assert isinstance(kept["state_dict"], OrderedDict)
    assert kept["state_dict"] is weights


def test_what_is_missing_matters_by_where_it_is_missing() -> None:
    left_out = ["hyper_parameters.net", "optimizer_states", "colour"]
    assert missing_for_resume(left_out) == ["optimizer_states"]
    assert missing_of_users(left_out) == ["colour"]


def test_a_module_full_of_objects_is_resumed_tested_and_loads_as_plain_data(tmp_path: Path) -> None:
    hoarding = trial(tmp_path / "parts", "Hoarding")
    assert rehearsal_failure(hoarding) is None
    whole = run(trial(tmp_path / "whole", "Hoarding"))
    run(hoarding, {2: "stop"})
    second = run(hoarding)

    assert [report.step for report in second.reports] == [3]
    assert second.reports[0].values == whole.reports[2].values
    (started,) = [message for message in second.heard if isinstance(message, Started)]
    assert started.notes == []
    assert run_final_test(hoarding, "a test")["metrics"].keys() == {"test_loss"}
    state = torch.load(tmp_path / "parts/best.ckpt", weights_only=True)
    assert state["hyper_parameters"] == {"lr": 0.05, "scale": 2.0, "sizes": [1, 2]}


def test_an_object_that_a_module_saves_itself_is_reported_as_missing(tmp_path: Path) -> None:
    keeping = trial(tmp_path, "Keeping")
    run(keeping, {1: "stop"})
    (started,) = [message for message in run(keeping).heard if isinstance(message, Started)]

    assert started.from_epoch == 1
    assert started.notes == ["last.ckpt lacks colour: not plain data, so it was not saved"]


def test_a_checkpoint_of_other_objects_is_not_called_damaged(tmp_path: Path) -> None:
    hoarding = trial(tmp_path, "Hoarding")
    with pytest.MonkeyPatch.context() as patch:
        # As version 0.1.0 wrote them.
        patch.setattr(
            "hpsearch.trial.saving.checkpoint.plain_part", lambda state: (dict(state), [])
        )
        run(hoarding, {1: "stop"})
    (started,) = [message for message in run(hoarding).heard if isinstance(message, Started)]

    assert started.from_epoch == 0
    assert started.notes[0] == (
        "last.ckpt holds more than plain data, and only plain data is loaded"
    )


def test_a_module_finds_its_logger_and_its_best_model_in_the_test_too(tmp_path: Path) -> None:
    asking = trial(tmp_path, "Asking")
    run(asking)
    assert "failure" not in run_final_test(asking, "a test")
