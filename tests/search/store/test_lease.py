from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import sqlalchemy as sa

from hpsearch.errors import InputError
from hpsearch.search.store import lease
from hpsearch.search.store.lease import Owner, find_owner, take_lease


@pytest.fixture
def engine(tmp_path: Path) -> sa.Engine:
    return sa.create_engine(f"sqlite:///{tmp_path}/lease.db")


def held(engine: sa.Engine, mine: lease.Lease) -> bool:
    with engine.begin() as connection:
        return mine.hold(connection)


def here(pid: int, started: float) -> Owner:
    return Owner(socket.gethostname(), lease._boot_id(), pid, started, time.time() + 60)


def test_a_study_has_one_owner_at_a_time(engine: sa.Engine) -> None:
    mine = take_lease(engine, 1, "cnn")

    with pytest.raises(
        InputError, match=r"the study cnn is being run by another process \(.*, pid \d+\)"
    ):
        take_lease(engine, 1, "cnn")
    assert held(engine, take_lease(engine, 2, "mlp"))

    mine.release()
    assert find_owner(engine, 1) is None
    take_lease(engine, 1, "cnn")


def test_a_study_that_nobody_ran_has_no_owner(engine: sa.Engine) -> None:
    assert find_owner(engine, 1) is None


def test_a_dead_owner_is_taken_over_at_once(engine: sa.Engine) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True
    )
    take_lease(engine, 1, "cnn")
    with engine.begin() as connection:
        connection.execute(sa.text(f"UPDATE hpsearch_lease SET pid = {int(ended.stdout)}"))

    assert find_owner(engine, 1) is None
    assert held(engine, take_lease(engine, 1, "cnn"))


def test_a_lease_is_to_be_held_anew_from_time_to_time(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = take_lease(engine, 1, "cnn")
    assert not mine.due()

    monkeypatch.setattr(lease, "RENEW_S", 0.0)
    assert mine.due()


def test_a_lease_that_was_taken_over_is_lost(engine: sa.Engine) -> None:
    mine = take_lease(engine, 1, "cnn")
    assert held(engine, mine)

    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE hpsearch_lease SET token = 'another'"))

    assert not held(engine, mine)


def test_a_reused_pid_is_not_the_owner() -> None:
    this = psutil.Process()

    assert here(this.pid, lease._start_time(this)).alive()
    assert not here(this.pid, lease._start_time(this) - 100).alive()


def test_a_process_keeps_its_start_time_when_the_date_is_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    this = psutil.Process()
    started = lease._start_time(this)

    monkeypatch.setattr(psutil, "boot_time", lambda: time.time() + 3600)

    assert lease._start_time(this) == started
    assert started != this.create_time()


def test_an_owner_before_the_reboot_is_dead() -> None:
    this = psutil.Process()
    owner = Owner(socket.gethostname(), "another boot", this.pid, this.create_time(), 2e10)

    assert not owner.alive()


def test_on_another_host_the_lease_itself_counts() -> None:
    assert Owner("elsewhere", "boot", 1, 0.0, time.time() + 5).alive()
    assert not Owner("elsewhere", "boot", 1, 0.0, time.time() - 5).alive()
