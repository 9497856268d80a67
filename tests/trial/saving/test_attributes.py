"""A resumed module has the plain attributes of an uninterrupted one."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import replace
from pathlib import Path
from typing import Any

import feeding
import numpy as np
import pytest
import torch
from desk import job, run, weights
from torch import Tensor

from hpsearch.protocol.job import Job


class Warmth(torch.nn.Module):
    """A loss that counts its own calls."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, outputs: Tensor, labels: Tensor) -> Tensor:
        self.calls += 1
        return torch.nn.functional.cross_entropy(outputs, labels) * (1 + 0.01 * self.calls)


class Remembering(feeding.Fed):
    """Trains by what it keeps in attributes of every plain kind."""

    def __init__(self) -> None:
        super().__init__()
        self.loss = Warmth()
        self.first: float | None = None
        self.best = np.float64(9.0)
        self.last = deque[float](maxlen=3)
        self.seen: set[int] = set()
        self.by_epoch: dict[int, list[float]] = defaultdict(list)
        self.mean = torch.zeros(2)
        self.steps: list[int] = []
        self.itself: list[Any] = []
        self.itself.append(self.itself)

    def on_train_start(self) -> None:
        self.steps = []

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        loss = self.loss(self.net(batch[0]), batch[1])
        self.first = loss.item() if self.first is None else self.first
        self.best = np.minimum(self.best, loss.item())
        self.last.append(loss.item())
        self.seen.add(self.current_epoch)
        self.by_epoch[self.current_epoch].append(loss.item())
        self.mean = 0.9 * self.mean + 0.1 * batch[0].mean(dim=0)
        self.steps.append(batch_idx)
        kept = len(self.seen) + len(self.by_epoch[0]) + len(self.steps) + self.mean.sum().item()
        return loss * (1 + self.first + sum(self.last) + float(self.best) + 0.01 * kept)


class Saving(feeding.Fed):
    """Has nothing that changes but its weights."""


def trial(folder: Path, model: str, **trainer: Any) -> Job:
    config = {
        "model": {"class_path": f"{__name__}.{model}"},
        "data": {"class_path": "feeding.Feed"},
        "trainer": {"max_epochs": 3, **trainer},
    }
    return replace(job(folder), config=config)


def state_of(path: Path) -> dict[str, Any]:
    callbacks = torch.load(path, weights_only=True)["callbacks"]
    state: dict[str, Any] = callbacks["OwnAttributes"]
    return state


@pytest.mark.parametrize("trainer", [{}, {"val_check_interval": 0.5}], ids=["epoch", "within"])
@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_resumed_module_has_the_attributes_of_an_uninterrupted_one(
    tmp_path: Path, trainer: dict[str, Any], after: int
) -> None:
    whole = run(trial(tmp_path / "whole", "Remembering", **trainer))
    first = run(trial(tmp_path / "parts", "Remembering", **trainer), {after: "stop"})
    second = run(trial(tmp_path / "parts", "Remembering", **trainer))

    curve = [report.values for report in whole.reports]
    assert [report.values for report in (*first.reports, *second.reports)] == curve
    wanted, got = weights(tmp_path / "whole/last.ckpt"), weights(tmp_path / "parts/last.ckpt")
    assert all(torch.equal(wanted[key], got[key]) for key in wanted)


def test_only_what_has_changed_is_saved_and_nothing_that_is_not_plain(tmp_path: Path) -> None:
    run(trial(tmp_path, "Remembering"), {1: "stop"})
    saved = state_of(tmp_path / "last.ckpt")["attributes"]
    assert {*saved} == {
        *("validations", "loss.calls", "first", "best", "last", "seen", "by_epoch", "mean"),
        "steps",
    }
    assert saved["seen"] == [0]
    assert len(saved["last"]) == 3
    run(trial(tmp_path / "saving", "Saving"), {1: "stop"})
    assert state_of(tmp_path / "saving/last.ckpt")["attributes"] == {"validations": 1}
