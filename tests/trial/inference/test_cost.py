"""The latency of a model: how it is timed, and a trial that has it as an objective."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from desk import job, run, weights
from torch import Tensor

from hpsearch.protocol.job import Job
from hpsearch.trial.inference.cost import MEASURED, Latency, time_calls
from hpsearch.trial.rehearsal import rehearsal_failure


class Calls:
    """A call that moves its own clock by the next number."""

    def __init__(self, seconds: Iterable[float]) -> None:
        self._seconds = iter(seconds)
        self.now = 0.0

    def __call__(self) -> None:
        self.now += next(self._seconds)


def timed(seconds: Iterable[float]) -> Latency:
    calls = Calls(seconds)
    return time_calls(calls, lambda: calls.now)


def test_the_latency_is_the_median_call_and_the_first_calls_do_not_count() -> None:
    found = timed([0.4] * 2 + [0.001] * 8 + [0.002, 0.004] * 49 + [0.003, 0.9])
    assert found.median == pytest.approx(3.5)
    assert (found.low, found.high) == pytest.approx((2.0, 4.0))
    assert found.calls == 100


def test_slow_calls_are_timed_for_a_second_and_five_times_at_least() -> None:
    assert timed(itertools.repeat(0.25)).calls == 5
    assert timed(itertools.repeat(0.125)).calls == 8


def with_latency(folder: Path, model: str = "tiny.TinyModel") -> Job:
    plain = job(folder)
    objectives = {"val_loss": "minimize", "latency": "minimize"}
    return replace(
        plain,
        config={**plain.config, "model": {"class_path": model}},
        objectives=objectives,  # type: ignore[arg-type]
    )


def test_a_trial_measures_it_once_and_trains_as_without(tmp_path: Path) -> None:
    desk = run(with_latency(tmp_path / "measured"))
    (latency,) = {report.values["latency"] for report in desk.reports}
    assert 0 < latency < 1000
    words = desk.ended.facts[MEASURED]
    assert "calls with one example; half of them took" in words
    assert "1 thread" in words

    run(replace(with_latency(tmp_path / "plain"), objectives={"val_loss": "minimize"}))
    one, other = (weights(tmp_path / name / "last.ckpt") for name in ("measured", "plain"))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_trial_that_continues_keeps_its_latency(tmp_path: Path) -> None:
    paused = run(with_latency(tmp_path), {2: "stop"})
    rest = run(with_latency(tmp_path))
    assert [report.step for report in rest.reports] == [3, 4]
    values = {report.values["latency"] for report in (*paused.reports, *rest.reports)}
    assert len(values) == 1


class LoggedByItself(pl.LightningModule):
    """Has no `forward`, and logs its own latency."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(2, 2)

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        return torch.nn.functional.cross_entropy(self.layer(batch[0]), batch[1])

    def validation_step(self, batch: list[Tensor], batch_idx: int) -> None:
        self.log_dict({"val_loss": self.training_step(batch, 0), "latency": torch.tensor(7.0)})

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


class WithoutForward(LoggedByItself):
    """Has no `forward`, and logs no latency."""

    def validation_step(self, batch: list[Tensor], batch_idx: int) -> None:
        self.log("val_loss", self.training_step(batch, 0))


def test_a_latency_that_the_module_logs_is_its_own(tmp_path: Path) -> None:
    desk = run(with_latency(tmp_path, f"{__name__}.LoggedByItself"))
    assert [report.values["latency"] for report in desk.reports] == [7.0] * 4
    assert MEASURED not in desk.ended.facts


def test_a_module_that_cannot_be_called_says_what_to_write(tmp_path: Path) -> None:
    said = (
        "the objective latency cannot be measured: WithoutForward.forward() cannot be called with"
        " one example of a batch. Give it a forward that maps the inputs of a batch to outputs, or"
        " log latency with self.log"
    )
    trial = with_latency(tmp_path, f"{__name__}.WithoutForward")
    assert run(trial).ended.failure == said
    rehearsed = rehearsal_failure(trial)
    assert rehearsed is not None
    assert rehearsed.failure == said
    assert rehearsal_failure(with_latency(tmp_path)) is None
