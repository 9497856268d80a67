"""The test split is read by the final test only, and never while a model is trained."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch

from hpsearch.classes.binding import instantiate
from hpsearch.data import ImageData
from hpsearch.data.test_access import LOG, evaluations_of
from hpsearch.models import Softmax
from hpsearch.protocol.job import Job
from hpsearch.protocol.messages import Ended, Message
from hpsearch.trial.final_test import CountExamples, run_final_test
from hpsearch.trial.run import run_trial


def job(folder: Path, model: str, data: dict[str, Any], **trainer: Any) -> Job:
    config = {
        "model": {"class_path": model},
        "data": data,
        "trainer": {"max_epochs": 1, **trainer},
    }
    return Job("tiny", 0, {}, config, {"val_loss": "minimize"}, 1, 2, str(folder))


def run(job: Job) -> Ended:
    heard: list[Message] = []

    def send(message: Message) -> Any:
        heard.append(message)
        return "continue"

    run_trial(job, send)
    assert isinstance(heard[-1], Ended)
    return heard[-1]


def images(folder: Path) -> dict[str, Any]:
    """Writes 60 training and 20 test images, and returns the data section for them."""
    chance = np.random.default_rng(0)
    for split, count in (("train", 60), ("t10k", 20)):
        pixels = chance.integers(0, 256, (count, 8, 8), np.uint8)
        labels = np.arange(count, dtype=np.uint8) % 2
        for kind, array in (("images-idx3", pixels), ("labels-idx1", labels)):
            head = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
            (folder / f"{split}-{kind}-ubyte").write_bytes(head + array.tobytes())
    arguments = {"source": str(folder), "validation": 20}
    return {"class_path": "hpsearch.data.ImageData", "init_args": arguments}


class Peek(pl.Callback):
    """Looks at the test split in one of Lightning's hooks, having opened it itself."""

    def __init__(self, hook: str) -> None:
        setattr(self, hook, self._look)

    def _look(self, trainer: pl.Trainer, *_: Any, **named: Any) -> None:
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        data.open_test_split("just this once")
        list(data.test_dataloader())


@pytest.mark.parametrize("hook", ["setup", "on_fit_start", "on_validation_end", "on_train_end"])
def test_a_search_that_looks_at_the_test_split_fails(
    tmp_path: Path, hook: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tested.Peek", Peek, raising=False)
    peek = {"class_path": "tested.Peek", "init_args": {"hook": hook}}
    ended = run(job(tmp_path, "hpsearch.models.Softmax", images(tmp_path), callbacks=[peek]))
    assert ended.how == "failed"
    assert ended.failure.startswith(
        "TestSplitClosedError: the test split is closed while a model is trained"
    )


class Peeking(Softmax):
    """Makes a data module of its own to look at the test split."""

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        data = ImageData()
        data.open_test_split("just this once")
        data.test_dataloader()
        return super().training_step(batch, batch_idx)


def test_a_module_with_a_data_module_of_its_own_fails_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tested.Peeking", Peeking, raising=False)
    ended = run(job(tmp_path, "tested.Peeking", images(tmp_path)))
    assert ended.how == "failed"
    assert "the test split is closed while a model is trained" in ended.failure


def evaluation(folder: Path, **changes: Any) -> dict[str, Any]:
    fields = {"search": "id-1", "study": "one", "trial": 4, "sha256": "aa", "again": False}
    return {"folder": str(folder), **fields, **changes}


def test_an_opening_is_seen_from_every_study_of_the_folder(tmp_path: Path) -> None:
    trial = job(tmp_path, "hpsearch.models.Softmax", images(tmp_path))
    run(trial)
    first = run_final_test(trial, "a test", evaluation(tmp_path))
    assert first["earlier"] == []
    [line] = evaluations_of(tmp_path, first["images"])
    assert (line["study"], line["trial"], line["metrics"]) == ("one", 4, first["metrics"])

    other = run_final_test(trial, "a test", evaluation(tmp_path, search="id-2", study="two"))
    [earlier] = other["earlier"]
    assert (earlier["study"], earlier["trial"]) == ("one", 4)
    assert earlier["metrics"] == first["metrics"]


def test_the_other_runs_of_a_setting_are_tested_at_the_same_time(tmp_path: Path) -> None:
    data = images(tmp_path)
    runs = [
        replace(job(tmp_path / str(seed), "hpsearch.models.Softmax", data), seed=seed)
        for seed in (1, 2, 3)
    ]
    for one in runs:
        run(one)
    alone = [run_final_test(one, "a test")["metrics"] for one in runs]
    (tmp_path / "3" / "best.ckpt").unlink()

    others = [one.to_json() for one in runs[1:]]
    found = run_final_test(runs[0], "a test", evaluation(tmp_path), others)

    assert found["metrics"] == alone[0] != alone[1]
    second, third = found["other_runs"]
    assert second == {"metrics": alone[1]}
    assert third["failure"].startswith("InputError: ")
    [line] = evaluations_of(tmp_path, found["images"])
    assert line["other_runs"] == found["other_runs"]


def test_test_images_that_cannot_be_read_spend_no_opening(tmp_path: Path) -> None:
    trial = job(tmp_path, "hpsearch.models.Softmax", images(tmp_path))
    run(trial)
    file = tmp_path / "t10k-images-idx3-ubyte"
    file.write_bytes(file.read_bytes()[:-9])
    failure = run_final_test(trial, "a test", evaluation(tmp_path))["failure"]
    assert "t10k-images-idx3-ubyte: its header promises 1280 bytes, 1271 follow" in failure
    assert not (tmp_path / LOG).exists()


def test_a_search_whose_database_has_forgotten_its_opening_is_refused(tmp_path: Path) -> None:
    trial = job(tmp_path, "hpsearch.models.Softmax", images(tmp_path))
    run(trial)
    run_final_test(trial, "a test", evaluation(tmp_path))
    refused = run_final_test(trial, "a test", evaluation(tmp_path, sha256="bb"))["failure"]
    assert "for trial 4 of this search, but its database has no record of it" in refused
    assert "metrics" in run_final_test(trial, "a test", evaluation(tmp_path, sha256="aa"))
    assert "metrics" in run_final_test(
        trial, "a test", evaluation(tmp_path, sha256="bb", again=True)
    )


def test_the_test_rows_of_any_data_module_have_a_fingerprint(tmp_path: Path) -> None:
    trial = job(tmp_path, "tested.TestedModel", {"class_path": "tested.TestedData"})
    run(trial)
    for study, seen in (("one", 0), ("two", 1)):
        found = run_final_test(trial, "a test", evaluation(tmp_path, search=study, study=study))
        assert len(found["earlier"]) == seen


def test_once_the_training_is_over_it_can_be_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    data: Any = instantiate(images(tmp_path))
    data.setup("fit")
    module = Softmax(input_shape=data.input_shape, classes=data.classes)
    trainer = pl.Trainer(
        max_epochs=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        accelerator="cpu",
    )
    trainer.fit(module, datamodule=data)
    data.open_test_split("the training is over")
    assert len(data.test_dataloader()) == 1


def test_the_final_test_measures_every_example_of_the_test_split(tmp_path: Path) -> None:
    trial = job(tmp_path, "hpsearch.models.Softmax", images(tmp_path))
    assert run(trial).how == "complete"
    result = run_final_test(trial, "a test")
    assert result["examples"] == 20
    assert 0 <= result["metrics"]["test_accuracy"] <= 1
    assert run_final_test(trial, "a test") == result


def test_a_data_module_of_your_own_is_tested_on_its_test_dataloader(tmp_path: Path) -> None:
    trial = job(tmp_path, "tested.TestedModel", {"class_path": "tested.TestedData"})
    run(trial)
    assert run_final_test(trial, "a test")["examples"] == 50


def test_batches_of_ones_own_class_are_tested_and_not_counted() -> None:
    count = CountExamples()
    for batch in (object(), torch.ones(3, 2)):
        count.on_test_batch_end(None, None, None, batch, 0)
    assert count.examples == 3


def test_a_model_that_is_not_what_was_saved_is_not_tested(tmp_path: Path) -> None:
    trial = job(tmp_path, "tested.TestedModel", {"class_path": "tested.TestedData"})
    run(trial)
    best = tmp_path / "best.ckpt"
    best.write_bytes(best.read_bytes()[:-1])
    assert "is not what was saved" in run_final_test(trial, "a test")["failure"]


@pytest.mark.parametrize(
    ("model", "data", "missing"),
    [
        ("tiny.TinyModel", "tested.TestedData", "TinyModel has no test_step"),
        ("tested.TestedModel", "tiny.TinyData", "TinyData has no test_dataloader"),
    ],
)
def test_where_there_is_no_test_nothing_is_opened(
    tmp_path: Path, model: str, data: str, missing: str
) -> None:
    trial = job(tmp_path, model, {"class_path": data})
    run(trial)
    assert run_final_test(trial, "a test", evaluation(tmp_path)) == {"missing": missing}
    assert list(tmp_path.glob("*openings*")) == []
