"""A search whose every process is killed at random moments ends as if nothing had happened."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from hpsearch.search.results import StudyRecord, TrialRecord, load_record
from hpsearch.search.storage import open_storage
from hpsearch.spec.events import read_events
from hpsearch.spec.messages import Report

pytestmark = pytest.mark.process

STUBS = Path(__file__).parent / "stubs"
STUDY = """
study:
  name: killed
  objective: {val_loss: minimize}
  sampler: random
  pruner: {class_path: median, init_args: {n_warmup_steps: 5}}
  trials: 20
  seed: 3
model:
  class_path: tiny.TinyModel
  init_args:
    width: ~int(2, 16)
    lr: ~float(1e-3, 1e-1, log=True)
data: {class_path: tiny.TinyData}
trainer: {max_epochs: 25}
"""


def hpsearch(folder: Path, *words: str) -> subprocess.Popen[bytes]:
    output = (folder / "output.txt").open("ab")
    with output:
        return subprocess.Popen(
            [sys.executable, "-m", "hpsearch", *words],
            cwd=folder,
            stdout=output,
            stderr=output,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(STUBS)},
        )


def recorded(folder: Path) -> StudyRecord:
    return load_record(open_storage(f"sqlite:///{folder}/hpsearch.db"), "killed")


def count_reports(folder: Path) -> int:
    return sum(path.read_bytes().count(b"\n") for path in folder.glob("runs/*/*/events.jsonl"))


def kill_after(folder: Path, reports: int, process: subprocess.Popen[bytes]) -> None:
    """Kills the whole process group once so many more epochs have been reported."""
    wanted = count_reports(folder) + reports
    while count_reports(folder) < wanted:
        assert process.poll() is None, (folder / "output.txt").read_text()
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_five_kills_of_everything_cost_no_trial_and_at_most_an_epoch_each(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(STUDY)
    chance = random.Random(5)
    options = ("--devices", "cpu:2")

    process = hpsearch(tmp_path, "run", "study.yaml", "--trials", "20", *options)
    for _ in range(5):
        kill_after(tmp_path, chance.randint(5, 40), process)
        assert recorded(tmp_path).counts["running"] == 0, "what has no owner is not running"
        process = hpsearch(tmp_path, "resume", "killed", *options)
    assert process.wait() == 0, (tmp_path / "output.txt").read_text()

    study = recorded(tmp_path)
    assert study.state == "done"
    assert [trial.number for trial in study.trials] == list(range(20))
    assert {trial.state for trial in study.trials} <= {"complete", "pruned"}
    for trial in study.trials:
        steps = list(trial.values_by_epoch)
        assert steps == list(range(1, len(steps) + 1)), "an epoch's report was lost"
    assert sum(check_attempts(tmp_path, trial) for trial in study.trials) >= 5


def check_attempts(folder: Path, trial: TrialRecord) -> int:
    """Returns how often the trial went on, having checked that it did so from its last epoch."""
    events = read_events(folder / f"runs/killed/trial-{trial.number:04d}/events.jsonl")
    steps = [event.step for event in events if isinstance(event, Report)]
    assert all(later >= sooner for sooner, later in pairwise(steps)), "more than one epoch again"
    assert len(steps) - len(set(steps)) < len(trial.attempts)
    begun = [attempt["from_epoch"] for attempt in trial.attempts]
    known = [epoch for epoch in begun if epoch is not None]
    assert known == sorted(known)
    return sum(epoch > 0 for epoch in known)
