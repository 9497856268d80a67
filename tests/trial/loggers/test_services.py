"""The loggers of a study file: one run per trial, with its settings, epochs and final value.

The trial is stopped after two epochs and continues: its run does so too. MLflow and W&B take
seconds to import, so that only the tests that need them do so.
"""

from __future__ import annotations

import csv
import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from desk import Desk, job, run

from hpsearch.trial.loggers import services
from hpsearch.trial.rehearsal import rehearsal_failure

LOGGERS = "pytorch_lightning.loggers."
SERVICES = [
    {"class_path": LOGGERS + "CSVLogger", "init_args": {"save_dir": "csv"}},
    {
        "class_path": LOGGERS + "MLFlowLogger",
        "init_args": {"tracking_uri": "file:ml", "tags": {"team": "digits"}},
    },
    {
        "class_path": LOGGERS + "WandbLogger",
        "init_args": {"project": "digits", "offline": True, "save_dir": "."},
    },
]


@dataclass
class Logged:
    """What a trial has reported in all, and the folder that its loggers wrote to."""

    folder: Path
    losses: list[float]

    @property
    def best(self) -> float:
        return min(self.losses)


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Logged]:
    folder = tmp_path_factory.mktemp("loggers")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv(services.MLFLOW_FILES, "true")  # a database of MLflow's takes 15 s to make
        patch.setenv("WANDB_SILENT", "true")
        # An offline logger sets this in the process, where it would stay for the tests to come.
        patch.setenv("WANDB_MODE", "")
        patch.delenv("WANDB_MODE")
        trainer = {"max_epochs": 4, "logger": SERVICES}
        trial = replace(job(folder / "trial", trainer=trainer), number=3)
        assert rehearsal_failure(trial) is None
        assert list(folder.iterdir()) == [], "a rehearsal leaves no run behind"
        desks: list[Desk] = [run(trial, {2: "stop"}), run(trial)]
        ends = [(desk.ended.failure, desk.ended.how) for desk in desks]
        assert ends == [("", "stopped"), ("", "complete")]
        reports = [report for desk in desks for report in desk.reports]
        yield Logged(folder, [report.values["val_loss"] for report in reports])


def test_a_csv_file_has_every_epoch_of_a_trial_that_continued(logged: Logged) -> None:
    (file,) = logged.folder.rglob("metrics.csv")
    assert file.parent == logged.folder / "csv" / "tiny" / "trial-0003"
    rows = list(csv.DictReader(file.read_text().splitlines()))
    of_epochs = [float(row["val_loss"]) for row in rows if row["val_loss"]]
    assert of_epochs == pytest.approx(logged.losses)
    assert float(rows[-1]["best/val_loss"]) == pytest.approx(logged.best)
    settings = yaml.safe_load((file.parent / "hparams.yaml").read_text())
    assert settings["model.width"] == 4


def test_mlflow_has_a_run_of_the_trial_in_an_experiment_of_the_study(
    logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    monkeypatch.setenv(services.MLFLOW_FILES, "true")
    client = MlflowClient(f"file:{logged.folder / 'ml'}")
    experiment = client.get_experiment_by_name("tiny")
    assert experiment is not None
    (one,) = client.search_runs([experiment.experiment_id])
    assert (one.info.run_name, one.info.status) == ("trial-0003", "FINISHED")
    assert (one.data.tags[services.STUDY], one.data.tags["team"]) == ("tiny", "digits")
    assert one.data.params["model.width"] == "4"
    assert one.data.metrics["best/val_loss"] == pytest.approx(logged.best)
    history = client.get_metric_history(one.info.run_id, "val_loss")
    assert [point.value for point in history] == pytest.approx(logged.losses)


# The form of LevelDB's logs: blocks of 32 KiB, in them parts of records, each after its checksum,
# its length and its kind (1 whole, 2 first, 3 middle, 4 last); a file of W&B's begins with 7 bytes.
BLOCK, HEAD = 1 << 15, struct.Struct("<IHB")


def records(folder: Path) -> Iterator[Any]:
    """Yields what an offline run of W&B has written, which `wandb sync` would send."""
    from wandb.proto.wandb_internal_pb2 import Record

    (file,) = folder.glob("*.wandb")
    content, place, record = file.read_bytes(), 7, b""
    while place + HEAD.size <= len(content):
        if BLOCK - place % BLOCK < HEAD.size:
            place += BLOCK - place % BLOCK
            continue
        _, length, kind = HEAD.unpack_from(content, place)
        place += HEAD.size + length
        record += content[place - length : place]
        if kind in (1, 4):
            yield Record.FromString(record)
            record = b""


def values(items: Any) -> dict[str, Any]:
    return {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in items}


def test_wandb_has_a_run_of_the_trial_in_a_group_of_the_study(logged: Logged) -> None:
    attempts = sorted((logged.folder / "wandb").glob("offline-run-*"))
    assert len(attempts) == 2
    ids, losses, settings, summary = set(), [], {}, {}
    for record in (record for folder in attempts for record in records(folder)):
        if record.HasField("run"):
            ids.add((record.run.run_id, record.run.display_name, record.run.run_group))
            settings |= values(record.run.config.update)
        elif record.HasField("config"):
            settings |= values(record.config.update)
        elif record.HasField("history"):
            losses.append(values(record.history.item).get("val_loss"))
        elif record.HasField("summary"):
            summary |= values(record.summary.update)
    ((_, name, group),) = ids
    assert (name, group) == ("tiny trial-0003", "tiny")
    assert settings["model.width"] == 4
    assert [loss for loss in losses if loss is not None] == pytest.approx(logged.losses)
    assert summary["best/val_loss"] == pytest.approx(logged.best)


def test_what_the_file_says_of_a_run_is_kept() -> None:
    given = {"name": "mine", "save_dir": "x"}
    tree = {"class_path": LOGGERS + "CSVLogger", "init_args": given}
    built = services.build(tree, job(Path("trial")), lambda tree: tree["init_args"], leads=False)
    assert built == {"name": "mine", "version": "trial-0000", "save_dir": "x"}
    plain = {"class_path": "hpsearch.models.Softmax"}
    assert services.build(plain, job(Path("trial")), lambda tree: tree, leads=True) is plain


class Away:
    """A logger whose server does not answer at the end."""

    def log_metrics(self, metrics: dict[str, float], step: int) -> None:
        raise ConnectionError("no answer")


def test_a_service_that_is_away_at_the_end_costs_no_result(tmp_path: Path) -> None:
    best = run(job(tmp_path, trainer={"max_epochs": 1})).reports[0]
    notes = services.end([Away()], best, step=4, failed=False)
    assert notes == ["Away lacks the final value: no answer"]
