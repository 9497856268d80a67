"""Several coordinators want one study: one owns it, and one that is late writes nothing."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest
import sqlalchemy as sa
from fault_score import Score
from searching import EPOCHS, TRIALS, Search, check_budget, check_equal, study_of

from hpsearch.search.store.database import open_storage

pytestmark = pytest.mark.process


@pytest.mark.fault("7. a stopped coordinator wakes up after a takeover", short=1, full=10)
def test_a_coordinator_that_wakes_up_after_a_takeover_writes_nothing(
    search: Search, undisturbed: Search, score: Score, repeat: int
) -> None:
    sleeper = search.begin()
    search.wait_for_reports(random.Random(repeat).randint(5, 60))
    stop_between_two_writes(search, sleeper)
    pretend_that_its_host_is_another_and_silent(search)
    taker = search.resume()
    search.wait_for_reports(3)
    sleeper.send_signal(signal.SIGCONT)

    assert sleeper.wait(30) == 1, search.output
    assert "another process has taken this study over; nothing was written" in search.output
    search.process = taker
    assert search.wait_for_end() == 0, search.output
    score.struck()
    record = search.record()
    assert [trial.number for trial in record.trials] == list(range(TRIALS))
    assert record.counts["complete"] == TRIALS
    assert all(list(t.values_by_epoch) == list(range(1, EPOCHS + 1)) for t in record.trials)
    check_equal(search, undisturbed, TRIALS)


def stop_between_two_writes(search: Search, sleeper: subprocess.Popen[bytes]) -> None:
    """A process stopped during a write keeps SQLite's lock: its study cannot be taken over."""
    path = search.storage.removeprefix("sqlite:///")
    while True:
        sleeper.send_signal(signal.SIGSTOP)
        connection = sqlite3.connect(path, timeout=0.5, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
            return
        except sqlite3.OperationalError:
            sleeper.send_signal(signal.SIGCONT)
        finally:
            connection.close()


def pretend_that_its_host_is_another_and_silent(search: Search) -> None:
    """On this host a stopped process counts as alive, and its study is never taken over."""
    storage = open_storage(search.storage)
    with storage.engine.begin() as connection:
        connection.execute(
            sa.text("UPDATE hpsearch_lease SET host = 'elsewhere', boot = 'another', until = 0")
        )
    storage.engine.dispose()


@pytest.mark.fault("8. eight `resume` at once, again and again", short=1, full=3)
def test_of_eight_resumes_at_once_one_has_the_study_and_no_trial_runs_twice(
    tmp_path: Path, score: Score, repeat: int
) -> None:
    chance = random.Random(repeat)
    trials = 100 if repeat else 20
    first = Search(tmp_path, study_of(trials, 1))
    first.begin()
    first.wait_for_reports(1)
    first.kill_all()
    lives = 0
    while not (first.record().state == "done" and lives):
        rivals = [Search(tmp_path, study_of(trials, 1)) for _ in range(8)]
        for rival in rivals:
            rival.resume()
        lives += 1
        wanted = first.count_reports() + chance.randint(10, 60)
        while first.count_reports() < wanted and not all(ended(rival) for rival in rivals):
            time.sleep(0.02)
        codes = [r.process.returncode for r in rivals if r.process is not None and ended(r)]
        assert all(code in (0, 2) for code in codes), first.output
        assert sum(code != 2 for code in codes) + sum(not ended(r) for r in rivals) >= 1
        for rival in rivals:
            rival.close()

    score.struck(trials)
    check_budget(first, trials, 1)
    for number in range(trials):
        again = len(first.reports(number)) - 1
        attempts = len(first.record().trials[number].attempts)
        assert again < attempts, "two processes trained one trial"


def ended(search: Search) -> bool:
    assert search.process is not None
    return search.process.poll() is not None
