"""What a few real batches show, measured on the smallest model."""

from __future__ import annotations

import inspect
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tiny
from tiny import TinyModel

from hpsearch.protocol.job import Job
from hpsearch.protocol.messages import Ended
from hpsearch.trial.clock import TIMED, UNTIMED
from hpsearch.trial.probes.probe import find_metrics, probe
from hpsearch.trial.rehearsal import rehearsal_failure


def tiny_job(folder: Path, trainer: dict[str, Any], model: dict[str, Any]) -> Job:
    config = {
        "model": model,
        # 64 rows: 32 batches.
        "data": {"class_path": "tiny.TinyData", "init_args": {"batch_size": 2}},
        "trainer": {"max_epochs": 4, **trainer},
    }
    return Job(
        study="tiny",
        number=0,
        params={},
        config=config,
        objectives={"val_loss": "minimize"},
        study_seed=1,
        seed=2,
        folder=str(folder),
    )


def measured(folder: Path, trainer: dict[str, Any], **model: Any) -> dict[str, Any]:
    section = {"class_path": "tiny.TinyModel", "init_args": model}
    return probe(tiny_job(folder, trainer, section))


def test_a_probe_tells_what_a_trial_costs_and_writes_nothing(tmp_path: Path) -> None:
    found = measured(tmp_path, {})
    assert found["parameters"] == 22
    assert found["metrics"] == ["val_accuracy", "val_loss"]
    assert found["steps_per_epoch"] == 32
    assert 0 < found["seconds_per_step"] < 1
    assert 0 < found["validation_seconds"] < 1
    assert found["checkpoint_bytes"] > 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("trainer", "steps"),
    [
        ({"limit_train_batches": 5}, 5),
        ({"limit_train_batches": 0.5}, 16),
        ({"limit_train_batches": 1.0}, 32),
        ({"val_check_interval": 30}, 32),
        ({"check_val_every_n_epoch": 2}, 32),
        ({"min_epochs": 3, "min_steps": 100}, 32),
    ],
)
def test_an_epoch_has_the_length_that_the_study_file_gives_it(
    tmp_path: Path, trainer: dict[str, Any], steps: int
) -> None:
    found = measured(tmp_path, trainer)
    assert found["steps_per_epoch"] == steps
    assert "val_loss" in found["metrics"]


def test_a_probe_trains_on_a_few_batches_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[int] = []
    step = TinyModel.training_step

    def counted(self: TinyModel, batch: Any, batch_idx: int) -> Any:
        trained.append(batch_idx)
        return step(self, batch, batch_idx)

    monkeypatch.setattr(TinyModel, "training_step", counted)
    measured(tmp_path, {})
    assert trained == list(range(UNTIMED + TIMED + 1))


def test_without_validation_an_objective_of_the_validation_is_not_logged(tmp_path: Path) -> None:
    assert measured(tmp_path, {"limit_val_batches": 0}) == {
        "kind": "training",
        "failure": "the objective val_loss was not logged; logged was nothing; nothing is"
        " validated, since val_dataloader() gives no batches. Log it with self.log(...,"
        " on_epoch=True)",
    }


def test_what_cannot_train_is_reported_in_one_line(tmp_path: Path) -> None:
    found = measured(tmp_path, {}, plan="raise")
    assert found.pop("kind") == "training"
    line = re.fullmatch(
        r"ValueError: planned to fail \(tiny.py, line (\d+)\)", found.pop("failure")
    )
    assert line
    assert "raise" in inspect.getsource(tiny).splitlines()[int(line[1]) - 1]
    assert not found


class Printing(TinyModel):
    """Prints at every step, as bars and callbacks do."""

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        print("a step")
        print("a bar", file=sys.stderr)
        return super().training_step(batch, batch_idx)


@pytest.mark.parametrize("function", [probe, find_metrics])
def test_what_is_printed_in_the_training_stays_off_the_screen(
    tmp_path: Path, function: Callable[[Job], Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert "metrics" in function(tiny_job(tmp_path, {}, {"class_path": f"{__name__}.Printing"}))
    assert capsys.readouterr() == ("", "")


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Lightning ignores further Ctrl-Cs once it had one."""
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("function", [probe, find_metrics, rehearsal_failure])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.usefixtures("ctrl_c")
def test_an_interruption_is_no_failure(
    tmp_path: Path, function: Callable[[Job], Any], number: int
) -> None:
    job = tiny_job(
        tmp_path, {}, {"class_path": f"{__name__}.Signalled", "init_args": {"number": int(number)}}
    )
    if function is rehearsal_failure:
        assert function(job) == Ended("stopped")
    else:
        with pytest.raises(KeyboardInterrupt):
            function(job)


class Signalled(TinyModel):
    """Is interrupted while it is trained."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        os.kill(os.getpid(), self.number)
        return super().training_step(batch, batch_idx)
