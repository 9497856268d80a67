"""The best checkpoint of a real, tiny trial on MNIST, evaluated on its validation split."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from hpsearch.protocol.events import read_events
from hpsearch.protocol.job import Job
from hpsearch.protocol.messages import Report
from hpsearch.trial.probes.error_analysis import MISTAKES, inspect_trial
from hpsearch.trial.run import run_trial


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Job:
    job = Job(
        study="inspected",
        number=0,
        params={},
        config={
            "model": {"class_path": "hpsearch.models.Softmax"},
            "data": {"class_path": "hpsearch.data.ImageData", "init_args": {"validation": 500}},
            "trainer": {"max_epochs": 1, "limit_train_batches": 20},
        },
        objectives={"val_accuracy": "maximize"},
        study_seed=1,
        seed=2,
        folder=str(tmp_path_factory.mktemp("inspected")),
    )
    run_trial(job, lambda message: "continue" if isinstance(message, Report) else None)
    return job


def test_confusion_adds_up_to_the_accuracy_that_was_reported(trained: Job) -> None:
    found = inspect_trial(trained)
    (report,) = [
        e for e in read_events(Path(trained.folder) / "events.jsonl") if isinstance(e, Report)
    ]
    right = sum(row[place] for place, row in enumerate(found["confusion"]))
    assert found["images"] == sum(map(sum, found["confusion"])) == 500
    assert right / 500 == pytest.approx(report.values["val_accuracy"], abs=1e-6)
    assert found["classes"] == [str(digit) for digit in range(10)]


def test_mistakes_are_pictures_the_most_confident_first(trained: Job) -> None:
    mistakes = inspect_trial(trained)["mistakes"]
    confidences = [mistake["confidence"] for mistake in mistakes]
    assert len(mistakes) == MISTAKES
    assert confidences == sorted(confidences, reverse=True)
    assert all(mistake["truth"] != mistake["guess"] for mistake in mistakes)
    picture = Image.open(io.BytesIO(mistakes[0]["png"]))
    assert (picture.size, picture.mode) == ((28, 28), "L")
    assert picture.getextrema() != (0, 0)


def test_a_changed_checkpoint_is_not_asked(trained: Job, tmp_path: Path) -> None:
    for name in ("best.ckpt", "best.json"):
        (tmp_path / name).write_bytes((Path(trained.folder) / name).read_bytes())
    with (tmp_path / "best.ckpt").open("r+b") as file:
        file.seek(-2000, io.SEEK_END)
        file.write(b"?")
    assert "SHA-256" in inspect_trial(replace(trained, folder=str(tmp_path)))["failure"]


def test_data_that_are_not_ours_are_not_asked(tmp_path: Path) -> None:
    config = {
        "model": {"class_path": "tiny.TinyModel"},
        "data": {"class_path": "tiny.TinyData"},
        "trainer": {"max_epochs": 1},
    }
    job = Job("tiny", 0, {}, config, {"val_accuracy": "maximize"}, 1, 2, str(tmp_path))
    run_trial(job, lambda message: "continue" if isinstance(message, Report) else None)
    assert "hpsearch.data.ImageData only" in inspect_trial(job)["failure"]
