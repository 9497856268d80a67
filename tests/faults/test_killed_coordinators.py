"""The coordinator is killed at a random moment: no orphan is left, and `resume` ends the study."""

from __future__ import annotations

import random
import time

import psutil
import pytest
import sqlalchemy as sa
from fault_score import FULL, Score
from searching import EPOCHS, TRIALS, Search, check_budget, check_equal

from hpsearch.search.store.database import open_storage

pytestmark = pytest.mark.process

KILLS = 5 if FULL else 1


def wait_until_gone(processes: list[psutil.Process], score: Score) -> None:
    killed = time.monotonic()
    _, left = psutil.wait_procs(processes, timeout=5)
    score.worst("s until the last orphan was gone", time.monotonic() - killed)
    assert left == [], "an orphan lives"


@pytest.mark.fault("3. the coordinator is killed", short=1, full=10)
def test_killed_coordinators_leave_no_orphan_and_the_study_ends_with_its_budget(
    search: Search, undisturbed: Search, score: Score, repeat: int
) -> None:
    chance = random.Random(repeat)
    search.begin()
    for _ in range(KILLS):
        search.wait_for_reports(chance.randint(1, 30))
        time.sleep(chance.random() * 0.05)
        processes = search.processes()
        search.kill()
        wait_until_gone(processes, score)
        score.struck()
        search.resume()
    assert search.wait_for_end() == 0, search.output

    check_budget(search, TRIALS, EPOCHS)
    check_equal(search, undisturbed, TRIALS)


@pytest.mark.fault("4. everything is killed at once, or the machine restarts", short=1, full=8)
def test_when_everything_is_killed_the_study_ends_with_its_budget(
    search: Search, undisturbed: Search, score: Score, repeat: int
) -> None:
    chance = random.Random(repeat)
    search.begin()
    for reboot in (False, True) if FULL else (True,):
        search.wait_for_reports(chance.randint(1, 40))
        processes = search.processes()
        search.kill_all()
        wait_until_gone(processes, score)
        score.struck()
        assert search.record().counts["running"] == 0, "what has no owner is not running"
        if reboot:
            pretend_that_the_machine_was_restarted(search)
        search.resume()
    assert search.wait_for_end() == 0, search.output

    check_budget(search, TRIALS, EPOCHS)
    check_equal(search, undisturbed, TRIALS)


def pretend_that_the_machine_was_restarted(search: Search) -> None:
    """Gives the owner's pid to a living process, this one, of a later start of the machine."""
    storage = open_storage(search.storage)
    lives = psutil.Process().pid
    with storage.engine.begin() as connection:
        written = connection.execute(
            sa.text("UPDATE hpsearch_lease SET boot = 'before', pid = :pid"), {"pid": lives}
        )
        assert written.rowcount == 1
    storage.engine.dispose()
