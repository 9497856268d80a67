"""A resumed module has the plain attributes of an uninterrupted one."""

from __future__ import annotations

import copy
import time
from collections import Counter, defaultdict, deque
from pathlib import Path
from typing import Any, ClassVar

import feeding
import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from desk import fed, run, weights
from torch import Tensor

from hpsearch.protocol.job import Job
from hpsearch.trial.saving import attributes
from hpsearch.trial.saving.packed import unpacked


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
        self.sums = np.zeros(2)
        self.counts = Counter[int]()
        self.recent: list[deque[float]] = [deque(maxlen=2)]
        self.outputs: list[Any] | None = None
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
        self.sums += batch[0].mean(dim=0).numpy()
        self.counts.update(batch[1].tolist())
        self.recent[0].append(loss.item())
        self.outputs = [*(self.outputs or [])[-2:], np.float32([loss.item()])]
        kept = len(self.seen) + len(self.by_epoch[0]) + len(self.steps) + self.mean.sum().item()
        kept += self.sums.sum() + self.counts.most_common(1)[0][1] + self.counts[-1]
        kept += sum(self.recent[0]) + sum(each.mean() for each in self.outputs)
        return loss * (1 + self.first + sum(self.last) + float(self.best) + 0.01 * kept)


class Average:
    """A running average of weights, as libraries have it: no module, but with a state."""

    def __init__(self, weights: list[Tensor]) -> None:
        self.shadow, self.updates = [each.detach().clone() for each in weights], 0

    def update(self, weights: list[Tensor]) -> None:
        self.updates += 1
        for mean, each in zip(self.shadow, weights, strict=True):
            mean.lerp_(each.detach(), 1 / self.updates)

    def state_dict(self) -> dict[str, Any]:
        return {"shadow": self.shadow, "updates": self.updates}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.shadow, self.updates = state["shadow"], state["updates"]


class Averaging(feeding.Fed):
    """Trains by an average, and by a probe with an optimizer of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.probe = torch.nn.Linear(2, 2)
        self.by_hand = torch.optim.Adam(self.probe.parameters(), lr=0.1)
        self.average = Average([*self.net.parameters()])

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        self.probe(batch[0]).square().mean().backward()
        self.by_hand.step()
        self.by_hand.zero_grad()
        self.average.update([*self.net.parameters()])
        loss = super().training_step(batch, batch_idx)
        return loss * (1 + sum(each.sum() for each in self.average.shadow))

    def configure_optimizers(self) -> Any:
        self.its_own = torch.optim.Adam(self.net.parameters(), lr=self.lr)
        return self.its_own


class Teaching(pl.Callback):
    """Pulls the module to a copy of it that follows slowly."""

    def on_fit_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        self.module, self.teacher = pl_module, copy.deepcopy(pl_module.net)

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, *_: Any) -> None:
        pairs = zip(self.teacher.parameters(), pl_module.net.parameters(), strict=True)
        with torch.no_grad():
            for slow, fast in pairs:
                slow.lerp_(fast, 0.1)
                fast.lerp_(slow, 0.01)


class Warming(pl.Callback):
    """Changes the learning rate by what it counts, and has no `state_dict`."""

    def __init__(self) -> None:
        self.epochs, self.batches, self.here = 0, [0], 0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.here = 0

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.epochs += 1

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        self.batches[0] += 1
        self.here += 1
        for group in trainer.optimizers[0].param_groups:
            group["lr"] = 0.1 / (self.epochs + 0.1 * self.batches[0] + self.here)


class Stateful(Warming):
    """Keeps what it wants to keep by itself."""

    def state_dict(self) -> dict[str, Any]:
        return {}


class Timing(pl.Callback):
    """Notes when it began by two clocks, and a sum that could be a time of one of them."""

    noted: ClassVar[list[tuple[float, float, float]]] = []

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.start, self.began_at, self.total = time.time(), time.monotonic(), time.monotonic()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.noted.append((self.start, self.began_at, self.total))


class Saving(feeding.Fed):
    """Has nothing that changes but its weights."""


def trial(folder: Path, model: str, **trainer: Any) -> Job:
    return fed(folder, f"{__name__}.{model}", **trainer)


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


@pytest.mark.parametrize("trainer", [{}, {"val_check_interval": 0.5}], ids=["epoch", "within"])
def test_a_resumed_callback_has_the_attributes_of_an_uninterrupted_one(
    tmp_path: Path, trainer: dict[str, Any]
) -> None:
    trainer["callbacks"] = [{"class_path": f"{__name__}.Warming"}]
    whole = run(trial(tmp_path / "whole", "Saving", **trainer))
    first = run(trial(tmp_path / "parts", "Saving", **trainer), {1: "stop"})
    second = run(trial(tmp_path / "parts", "Saving", **trainer))
    curve = [report.values for report in whole.reports]
    assert [report.values for report in (*first.reports, *second.reports)] == curve


@pytest.mark.parametrize(
    ("after", "trainer"), [(1, {}), (3, {"val_check_interval": 0.5})], ids=["epoch", "within"]
)
def test_what_is_kept_in_an_attribute_has_the_state_of_an_uninterrupted_trial(
    tmp_path: Path, after: int, trainer: dict[str, Any]
) -> None:
    trainer |= {"callbacks": [{"class_path": f"{__name__}.Teaching"}], "max_epochs": 2}
    run(trial(tmp_path / "whole", "Averaging", **trainer))
    run(trial(tmp_path / "parts", "Averaging", **trainer), {after: "stop"})
    saved = state_of(tmp_path / "parts/last.ckpt")["attributes"]
    assert {*saved} == {"validations", "by_hand", "average", "callback 0.teacher"}
    run(trial(tmp_path / "parts", "Averaging", **trainer))
    wanted, got = weights(tmp_path / "whole/last.ckpt"), weights(tmp_path / "parts/last.ckpt")
    assert all(torch.equal(wanted[key], got[key]) for key in wanted)


def test_a_callback_with_a_state_dict_keeps_what_it_returns_alone(tmp_path: Path) -> None:
    for name, kept in (("Warming", {"epochs", "batches", "here"}), ("Stateful", set())):
        callbacks = [{"class_path": f"{__name__}.{name}"}]
        run(trial(tmp_path / name, "Saving", callbacks=callbacks), {1: "stop"})
        saved = state_of(tmp_path / name / "last.ckpt")["attributes"]
        assert {*saved} == {"validations", *(f"callback 0.{each}" for each in kept)}


def test_a_time_that_was_noted_is_as_long_ago_as_it_was_before_the_pause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit of an hour does not end a trial that has paused for two."""
    monkeypatch.setattr(Timing, "noted", [])
    timed = trial(tmp_path, "Saving", callbacks=[{"class_path": f"{__name__}.Timing"}])
    run(timed, {1: "stop"})
    hours_later = {name: lambda now=now: now() + 7200 for name, now in attributes._CLOCKS.items()}
    monkeypatch.setattr(attributes, "_CLOCKS", hours_later)
    run(timed)
    (start, began_at, total), *later = Timing.noted
    assert len(later) == 2
    for times in later:
        assert times[0] - start == pytest.approx(7200, abs=60)
        assert times[1] - began_at == pytest.approx(7200, abs=60)
        assert times[2] == total


def test_only_what_has_changed_is_saved_and_nothing_that_is_not_plain(tmp_path: Path) -> None:
    run(trial(tmp_path, "Remembering"), {1: "stop"})
    saved = state_of(tmp_path / "last.ckpt")["attributes"]
    assert {*saved} == {
        *("validations", "loss.calls", "first", "best", "last", "seen", "by_epoch", "mean"),
        *("steps", "sums", "counts", "recent", "outputs"),
    }
    assert unpacked(saved["seen"]) == {0}
    assert len(unpacked(saved["last"])) == 3
    run(trial(tmp_path / "saving", "Saving"), {1: "stop"})
    assert state_of(tmp_path / "saving/last.ckpt")["attributes"] == {"validations": 1}
