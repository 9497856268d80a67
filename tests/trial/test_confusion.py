"""The confusion matrix that a trial keeps is the one of its best epoch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import TinyData, TinyModel
from torch import Tensor

from hpsearch.models import Softmax
from hpsearch.models.base import AbstractClassifier
from hpsearch.protocol.events import read_events
from hpsearch.protocol.job import Job
from hpsearch.protocol.messages import Ended, Report
from hpsearch.trial.run import run_trial


class Counting(AbstractClassifier):
    """Gives its epoch as what it counted; the objective grows by `slope` an epoch."""

    def __init__(self, slope: float) -> None:
        super().__init__((1, 1, 2), classes=2)
        self.layer = torch.nn.Linear(2, 2)
        self._slope = slope

    def forward(self, points: Tensor) -> Tensor:
        logits: Tensor = self.layer(points)
        return logits

    def on_validation_epoch_end(self) -> None:
        self.log("val_loss", self._slope * self.current_epoch)

    def confusion(self) -> list[list[int]]:
        return [[self.current_epoch + 1]]


class Own(TinyModel):
    """Has a method of that name which means something else."""

    def confusion(self, points: Tensor) -> Tensor:
        raise AssertionError("nobody asked for this")


class NamedData(TinyData):
    """TinyData whose classes have names."""

    class_names = ("below", "above")


def run(folder: Path, model: type, data: type = TinyData, **arguments: Any) -> Report:
    """Runs three epochs and returns the report of the best one."""
    config = {
        "model": {"class_path": f"{model.__module__}.{model.__name__}", "init_args": arguments},
        "data": {"class_path": f"{data.__module__}.{data.__name__}"},
        "trainer": {"max_epochs": 3},
    }
    job = Job("tiny", 0, {}, config, {"val_loss": "minimize"}, 1, 2, str(folder))
    run_trial(job, lambda message: "continue" if isinstance(message, Report) else None)
    *reports, ended = read_events(folder / "events.jsonl")
    assert isinstance(ended, Ended), ended
    assert ended.how == "complete", ended
    return min((r for r in reports if isinstance(r, Report)), key=lambda r: r.values["val_loss"])


def kept(folder: Path) -> Any:
    return json.loads((folder / "confusion.json").read_text())


def test_what_is_kept_adds_up_to_the_accuracy_of_the_best_epoch(tmp_path: Path) -> None:
    best = run(tmp_path, Softmax, NamedData, input_shape=[1, 1, 2], classes=2)
    found = kept(tmp_path)
    assert found["classes"] == ["below", "above"]
    assert sum(map(sum, found["confusion"])) == 32
    right = found["confusion"][0][0] + found["confusion"][1][1]
    assert right / 32 == pytest.approx(best.metrics["val_accuracy"])
    assert not (tmp_path / "confusion.json.tmp").exists()


@pytest.mark.parametrize(("slope", "best"), [(1.0, 1), (-1.0, 3)])
def test_the_best_epoch_is_kept_not_the_last(tmp_path: Path, slope: float, best: int) -> None:
    run(tmp_path, Counting, slope=slope)
    assert kept(tmp_path) == {"classes": [], "confusion": [[best]]}


@pytest.mark.parametrize("model", [TinyModel, Own])
def test_of_a_module_of_ones_own_nothing_is_kept(tmp_path: Path, model: type) -> None:
    run(tmp_path, model)
    assert not (tmp_path / "confusion.json").exists()
