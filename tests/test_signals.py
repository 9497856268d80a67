"""Ctrl-C and SIGTERM at a real search: its trials wait to be resumed, and no process is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from hpsearch.search.results import StudyRecord, load_record
from hpsearch.search.storage import open_storage

pytestmark = pytest.mark.process

STUBS = Path(__file__).parent / "stubs"
STUDY = """
study:
  name: stopped
  objective: {{val_loss: minimize}}
  sampler: random
  pruner: none
  trials: 3
model:
  class_path: tiny.TinyModel
  init_args: {{width: "~int(2, 16)", gate: {gate}}}
data: {{class_path: tiny.TinyData}}
trainer: {{max_epochs: {epochs}}}
"""


class Search:
    """A search in a process of its own, whose trials wait at a gate."""

    def __init__(self, folder: Path, epochs: int) -> None:
        self.folder = folder
        self.gate = folder / "gate"
        (folder / "study.yaml").write_text(STUDY.format(gate=self.gate, epochs=epochs))
        command = [sys.executable, "-m", "hpsearch", "run", "study.yaml", "--devices", "cpu:2"]
        with (folder / "output.txt").open("ab") as output:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONPATH": str(STUBS)},
            )

    @property
    def output(self) -> str:
        return (self.folder / "output.txt").read_text()

    def wait_for(self, seen: Callable[[], bool]) -> None:
        while not seen():
            assert self.process.poll() is None, self.output
            time.sleep(0.01)

    def wait_until_training(self) -> list[psutil.Process]:
        """Returns every process of the search once both slots train."""
        self.wait_for(lambda: len(list(self.folder.glob("runs/*/*/tensorboard"))) == 2)
        return psutil.Process(self.process.pid).children(recursive=True)

    def record(self) -> StudyRecord:
        return load_record(open_storage(f"sqlite:///{self.folder}/hpsearch.db"), "stopped")


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    _, left = psutil.wait_procs(processes, timeout=5)
    return left


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_finishes_the_running_epochs(tmp_path: Path, number: signal.Signals) -> None:
    search = Search(tmp_path, epochs=500)
    processes = search.wait_until_training()

    search.process.send_signal(number)
    search.wait_for(lambda: "finishing the running epochs" in search.output)
    search.gate.touch()

    assert search.process.wait() == 130, search.output
    assert search.output.rstrip().endswith("to go on: hpsearch resume stopped --devices cpu:2")
    record = search.record()
    assert (record.counts["waiting"], record.counts["running"]) == (2, 0)
    assert record.owner is None
    for trial in record.trials:
        assert max(trial.values_by_epoch) >= 1
        assert (tmp_path / f"runs/stopped/trial-{trial.number:04d}/last.ckpt").exists()
    assert alive(processes) == []


def test_two_signals_stop_at_once(tmp_path: Path) -> None:
    search = Search(tmp_path, epochs=500)
    processes = search.wait_until_training()

    search.process.send_signal(signal.SIGINT)
    search.wait_for(lambda: "finishing the running epochs" in search.output)
    search.process.send_signal(signal.SIGINT)

    assert search.process.wait(timeout=10) == 130, search.output
    assert search.record().counts["waiting"] == 2
    assert alive(processes) == []


def test_a_study_has_one_search_at_a_time(tmp_path: Path) -> None:
    search = Search(tmp_path, epochs=1)
    search.wait_until_training()
    try:
        second = subprocess.run(
            [sys.executable, "-m", "hpsearch", "resume", "stopped"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
    finally:
        search.gate.touch()

    assert second.returncode == 2
    owner = f"pid {search.process.pid}"
    assert second.stderr.startswith("error: the study stopped is being run by another process")
    assert owner in second.stderr
    assert len(second.stderr.splitlines()) == 1
    assert search.process.wait() == 0, search.output
