"""What the rehearsal of a trial accepts trains, and what it refuses fails."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import generated
import pytest
from desk import job, run

from hpsearch.protocol.job import Job
from hpsearch.protocol.messages import Started
from hpsearch.trial.probes.probe import probe
from hpsearch.trial.rehearsal import rehearsal_failure

LIGHTNING = "pytorch_lightning.callbacks."


def fed(folder: Path, trainer: dict[str, Any] | None = None, **sections: Any) -> Job:
    config = {
        "model": {"class_path": "feeding.Fed"},
        "data": {"class_path": "feeding.Feed"},
        "trainer": {"max_epochs": 2, **(trainer or {})},
        **sections,
    }
    return replace(job(folder), config=config)


def callback(name: str, **arguments: Any) -> dict[str, Any]:
    return {"callbacks": [{"class_path": LIGHTNING + name, "init_args": arguments}]}


@pytest.mark.parametrize(
    ("trainer", "words"),
    [
        (
            callback("EarlyStopping", monitor="val_los"),
            "EarlyStopping monitors val_los, which is not logged; logged was val_loss; did you mean"
            " val_loss?",
        ),
        (
            {"logger": {"class_path": "pytorch_lightning.loggers.WandbLogger"}},
            "trainer.logger: Weights & Biases has no API key on this machine; run `wandb login`",
        ),
        (
            {"logger": {"class_path": "pytorch_lightning.loggers.CometLogger"}},
            "trainer.logger: pytorch_lightning.loggers.CometLogger cannot be built: ",
        ),
        (
            callback("EarlyStopping", monitor="val_loss", mode="upwards"),
            "trainer.callbacks: pytorch_lightning.callbacks.EarlyStopping cannot be built: ",
        ),
        (
            {"check_val_every_n_epoch": 5},
            "nothing was validated, so there is nothing to report: the training ended before",
        ),
        (
            {"max_epochs": -1, "max_steps": 4, "val_check_interval": 9}
            | {"check_val_every_n_epoch": None},
            "nothing was validated, so there is nothing to report: the training ended before",
        ),
    ],
)
def test_what_no_trial_can_be_trained_with_is_refused_in_a_sentence(
    tmp_path: Path, trainer: dict[str, Any], words: str
) -> None:
    rehearsed = replace(fed(tmp_path / "rehearsed", trainer), rehearse=True)
    refused = rehearsal_failure(rehearsed)

    assert refused is not None
    assert refused.failure.startswith(words)
    assert refused.fatal
    assert not (tmp_path / "rehearsed").exists(), "a rehearsal leaves nothing behind"
    assert run(fed(tmp_path / "run", trainer)).ended.how == "failed"


@pytest.mark.parametrize(
    ("classes", "kind", "words"),
    [
        (
            2,
            "labels",
            "model.classes is 2, and the data have 3 classes; leave it out, and the model gets the"
            " number from the data",
        ),
        (3, "gone.csv", "/gone.csv, which the data or the model reads, does not exist: correct"),
    ],
)
def test_data_at_fault_are_refused_in_a_sentence(
    tmp_path: Path, classes: int, kind: str, words: str
) -> None:
    config = {
        "model": {"class_path": "faulty_data.Sorted", "init_args": {"classes": classes}},
        "data": {"class_path": "faulty_data.Labelled", "init_args": {"source": kind}},
        "trainer": {"max_epochs": 2},
    }
    refused = rehearsal_failure(replace(job(tmp_path), config=config, rehearse=True))

    assert refused is not None
    assert words in refused.failure
    assert refused.fatal


def test_a_plateau_that_waits_for_a_metric_nobody_logs_is_refused(tmp_path: Path) -> None:
    schedule = {
        "class_path": "torch.optim.lr_scheduler.ReduceLROnPlateau",
        "monitor": "val_accuracy",
    }
    optimizer = {"class_path": "torch.optim.SGD", "init_args": {"lr": 0.1}}
    plateau = fed(tmp_path, schedule=schedule, optimizer=optimizer)

    refused = rehearsal_failure(plateau)
    assert refused is not None
    assert refused.failure == (
        "ReduceLROnPlateau monitors val_accuracy, which is not logged; logged was val_loss"
    )
    assert run(plateau).ended.how == "failed"


@pytest.mark.parametrize(
    "trainer",
    [
        callback("RichProgressBar"),
        callback("TQDMProgressBar"),
        callback("ModelSummary"),
        callback("ModelCheckpoint", monitor="val_loss"),
        callback("LearningRateMonitor"),
        {"logger": True},
        {"num_sanity_val_steps": 2},
        {"val_check_interval": 0.5},
        {"min_epochs": 2},
        {"max_time": {"minutes": 5}},
        {"profiler": {"class_path": "pytorch_lightning.profilers.SimpleProfiler"}},
    ],
)
def test_what_people_have_by_default_trains(tmp_path: Path, trainer: dict[str, Any]) -> None:
    assert rehearsal_failure(fed(tmp_path, trainer)) is None
    assert run(fed(tmp_path, trainer)).ended.how == "complete"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("RichProgressBar", "hpsearch shows the progress of all trials together"),
        (
            "BatchSizeFinder",
            "a trial that continues would train with another batch size; search it, as in"
            " data.init_args: {batch_size: ~choice(32, 64)}",
        ),
    ],
)
def test_a_callback_is_left_out_with_a_note(tmp_path: Path, name: str, reason: str) -> None:
    found = probe(fed(tmp_path, callback(name)))
    assert found["notes"] == [f"{name} is left out: {reason}"]


def test_what_keeps_a_trial_from_many_steps_at_once_is_found(tmp_path: Path) -> None:
    found = probe(fed(tmp_path, {}))
    assert found["single_steps"].endswith("does not say supports_multi_step = True")


@pytest.mark.parametrize(
    ("plan", "trains"), [("late", True), ("sometimes", True), ("never", False)]
)
def test_an_objective_may_come_with_the_third_validation_at_the_latest(
    tmp_path: Path, plan: str, trains: bool
) -> None:
    trial = fed(tmp_path, {"max_epochs": 4}, model={"class_path": "feeding.Fed"})
    trial.config["model"]["init_args"] = {"plan": plan}

    assert (rehearsal_failure(trial) is None) is trains
    assert (run(trial).ended.how == "complete") is trains


def test_a_module_finds_all_that_its_trainer_has(tmp_path: Path) -> None:
    asking = fed(tmp_path, model={"class_path": "callbacks.Asking"})

    assert rehearsal_failure(asking) is None
    ended = run(asking).ended
    assert (ended.failure, ended.how) == ("", "complete")


def test_what_a_logger_or_checkpoint_writes_is_put_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    logger = {
        "class_path": "pytorch_lightning.loggers.CSVLogger",
        "init_args": {"save_dir": "csvlogs"},
    }
    trainer = {"logger": logger, **callback("ModelCheckpoint", dirpath="checkpoints")}

    assert rehearsal_failure(fed(tmp_path / "trial", trainer)) is None
    assert list(tmp_path.iterdir()) == []


def test_a_check_prints_nothing_of_what_the_trial_prints(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert "failure" not in probe(fed(tmp_path))
    assert capfd.readouterr() == ("", "")


def test_a_trial_that_is_asked_to_rehearse_trains_as_if_it_had_not(tmp_path: Path) -> None:
    plain = run(fed(tmp_path / "plain"))
    rehearsed = run(replace(fed(tmp_path / "rehearsed"), rehearse=True))

    assert [r.values for r in rehearsed.reports] == [r.values for r in plain.reports]
    assert [message for message in rehearsed.heard if isinstance(message, Started)]


def test_a_trial_that_is_asked_to_rehearse_fails_before_it_trains(tmp_path: Path) -> None:
    trial = fed(tmp_path, callback("EarlyStopping", monitor="val_los"))
    desk = run(replace(trial, rehearse=True))

    assert desk.ended.fatal
    assert len(desk.heard) == 1


@pytest.mark.parametrize("seed", range(60))
def test_what_is_accepted_trains_and_what_is_refused_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.chdir(tmp_path)
    drawn = replace(job(tmp_path / "trial"), config=generated.draw(seed))

    refused = rehearsal_failure(drawn)
    ended = run(drawn).ended
    assert (refused is None) is (ended.how == "complete"), (drawn.config, refused, ended)


def test_a_csv_logger_of_the_file_has_every_epoch_and_its_metrics(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    logger = {
        "class_path": "pytorch_lightning.loggers.CSVLogger",
        "init_args": {"save_dir": "csv", "name": "mine", "version": 0},
    }
    desk = run(fed(tmp_path / "trial", {"logger": logger}))
    assert desk.ended.how == "complete"
    (file,) = tmp_path.rglob("metrics.csv")
    with file.open() as stream:
        rows = [row for row in csv.DictReader(stream) if row["val_loss"]]
    logged = [float(row["val_loss"]) for row in rows]
    reported = [report.values["val_loss"] for report in desk.reports]
    assert logged == pytest.approx(reported)
    assert len(rows) == 2
