"""Ctrl-C, SIGTERM, SIGUSR1 and SIGHUP to a real search: its trials wait, and no process is left."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from fault_score import FULL, Score
from searching import EPOCHS, TRIALS, Search, check_budget, check_equal, study_of

pytestmark = pytest.mark.process

FINISHING = "finishing the running epochs"


@pytest.fixture
def gated(tmp_path: Path) -> Search:
    """A search whose trials wait at a gate."""
    study = study_of(3, 500)
    study["study"]["name"] = "stopped"
    study["model"]["init_args"]["gate"] = str(tmp_path / "gate")
    return Search(tmp_path, study)


def wait_until_training(search: Search) -> list[psutil.Process]:
    """Returns every process of the search once both slots train, and wait at their gate."""
    search.wait_for(lambda: len(list(search.runs.glob("trial-*/tensorboard"))) == 2)
    return search.processes()


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    _, left = psutil.wait_procs(processes, timeout=5)
    return left


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_one_signal_finishes_the_running_epochs(gated: Search, number: signal.Signals) -> None:
    process = gated.begin()
    processes = wait_until_training(gated)

    process.send_signal(number)
    gated.wait_for(lambda: FINISHING in gated.output)
    (gated.folder / "gate").touch()

    assert gated.wait_for_end() == 130, gated.output
    assert gated.output.rstrip().endswith("to continue: hpsearch resume stopped --devices cpu:2")
    record = gated.record()
    assert (record.counts["waiting"], record.counts["running"]) == (2, 0)
    assert record.owner is None
    for trial in record.trials:
        assert max(trial.values_by_epoch) >= 1
        assert (gated.runs / f"trial-{trial.number:04d}/last.ckpt").exists()
    assert alive(processes) == []


def test_two_signals_stop_at_once(gated: Search) -> None:
    process = gated.begin()
    processes = wait_until_training(gated)

    process.send_signal(signal.SIGINT)
    gated.wait_for(lambda: FINISHING in gated.output)
    process.send_signal(signal.SIGINT)

    assert process.wait(timeout=10) == 130, gated.output
    assert gated.record().counts["waiting"] == 2
    assert alive(processes) == []


def test_a_study_has_one_search_at_a_time(gated: Search) -> None:
    process = gated.begin()
    wait_until_training(gated)
    try:
        second = subprocess.run(
            [sys.executable, "-m", "hpsearch", "resume", "stopped"],
            cwd=gated.folder,
            capture_output=True,
            text=True,
        )
    finally:
        process.send_signal(signal.SIGINT)
        (gated.folder / "gate").touch()

    assert second.returncode == 2
    assert second.stderr.startswith("error: the study stopped is being run by another process")
    assert f"pid {process.pid}" in second.stderr
    assert len(second.stderr.splitlines()) == 1
    process.wait()


@pytest.mark.fault("5. SIGTERM or SIGUSR1 to a trial's process", short=1, full=10)
def test_a_trial_that_is_asked_to_leave_ends_its_epoch_and_continues_later(
    search: Search, undisturbed: Search, score: Score, repeat: int
) -> None:
    chance = random.Random(repeat)
    search.begin()
    for number in (signal.SIGTERM, signal.SIGUSR1):
        search.wait_for_reports(chance.randint(1, 20))
        search.wait_for(lambda: bool(training(search)))
        one = chance.choice(training(search))
        search.trial_processes()[one].send_signal(number)
        search.wait_for(lambda t=one: f"trial {t}: its process was asked to stop" in search.output)  # type: ignore[misc]
        score.struck()
    assert search.wait_for_end() == 0, search.output

    record = check_budget(search, TRIALS, EPOCHS)
    check_equal(search, undisturbed, TRIALS)
    for trial in record.trials:
        steps = [report.step for report in search.reports(trial.number)]
        assert len(steps) == len(set(steps)), "an epoch was trained twice"


def training(search: Search) -> list[int]:
    """Returns the trials that train and are not about to end."""
    return [n for n in search.trial_processes() if 1 <= search.count_reports(n) < EPOCHS - 5]


@pytest.mark.fault("5. SIGUSR1, then SIGTERM, to every process, as Slurm does", short=1, full=10)
def test_a_preempted_job_loses_no_epoch(
    search: Search, undisturbed: Search, score: Score, repeat: int
) -> None:
    process = search.begin()
    search.wait_for_reports(random.Random(repeat).randint(5, 60))
    processes = search.processes()
    for number in (signal.SIGUSR1, signal.SIGTERM):
        for one in [*processes, process]:
            if one.poll() is None if one is process else one.is_running():
                one.send_signal(number)
    score.struck()

    assert search.wait_for_end() == 130, search.output
    assert alive(processes) == []
    assert search.record().counts["failed"] == 0
    search.resume()
    assert search.wait_for_end() == 0, search.output
    record = check_budget(search, TRIALS, EPOCHS)
    check_equal(search, undisturbed, TRIALS)
    for trial in record.trials:
        steps = [report.step for report in search.reports(trial.number)]
        assert len(steps) == len(set(steps)), "an epoch was trained twice"


@pytest.mark.fault("6. Ctrl-C, once or twice, at any moment", short=1, full=10)
def test_ctrl_c_at_any_moment_leaves_a_study_to_be_resumed(
    search: Search, undisturbed: Search, score: Score, repeat: int
) -> None:
    chance = random.Random(repeat)
    search.begin()
    for times in (1, 2) if FULL else (2,):
        search.wait_for_reports(chance.randint(1, 50))
        time.sleep(chance.random() * 0.05)
        processes = search.processes()
        assert search.process is not None
        asked = time.monotonic()
        for _ in range(times):
            os.killpg(search.process.pid, signal.SIGINT)
            time.sleep(0.02 * chance.random())
        assert search.wait_for_end() == 130, search.output
        score.worst("s until it had stopped", time.monotonic() - asked)
        score.struck()
        record = search.record()
        assert (record.counts["running"], record.counts["failed"]) == (0, 0)
        assert record.owner is None
        assert alive(processes) == []
        search.resume()
    assert search.wait_for_end() == 0, search.output

    check_budget(search, TRIALS, EPOCHS)
    check_equal(search, undisturbed, TRIALS)
