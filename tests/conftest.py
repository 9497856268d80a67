"""Studies and trials made by hand, and a screen of a fixed width to look at them."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from rich.console import Console, RenderableType

from hpsearch.search.results import StudyRecord, TrialRecord

Trials = Callable[..., TrialRecord]
Studies = Callable[..., StudyRecord]
Screen = Callable[..., str]


@pytest.fixture
def make_trial() -> Trials:
    def make(number: int = 0, state: str = "complete", value: float = 0.9, **fields: Any) -> Any:
        known: dict[str, Any] = {
            "params": {"model.hidden": 32, "optimizer.lr": 0.001},
            "values": (value,) if state in ("complete", "pruned") else None,
            "values_by_epoch": {1: value / 2, 2: value} if state != "failed" else {},
            "seconds": 75.0,
            "device": "cpu",
            "checkpoint": f"runs/mnist/trial-{number:04d}/best.ckpt",
            "attempts": (),
            "attributes": {"failure": "out of memory"} if state == "failed" else {},
        }
        return TrialRecord(number=number, state=state, **(known | fields))  # type: ignore[arg-type]

    return make


@pytest.fixture
def make_study() -> Studies:
    def make(*trials: TrialRecord, **fields: Any) -> StudyRecord:
        complete = [trial for trial in trials if trial.state == "complete" and trial.values]
        known: dict[str, Any] = {
            "name": "mnist",
            "state": "done",
            "objectives": {"val_accuracy": "maximize"},
            "budget": len(trials),
            "best": max(complete, key=lambda trial: trial.values or (), default=None),
            "front": (),
            "owner": None,
            "storage": "sqlite:///hpsearch.db",
            "runs": "runs",
        }
        return StudyRecord(trials=trials, **(known | fields))

    return make


@pytest.fixture
def on_screen() -> Screen:
    def render(thing: RenderableType, width: int = 120, height: int = 24) -> str:
        stream = io.StringIO()
        Console(file=stream, width=width, height=height, color_system=None).print(thing)
        return stream.getvalue()

    return render
