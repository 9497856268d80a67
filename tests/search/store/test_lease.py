from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import sqlalchemy as sa
from servers import KINDS, Servers

from hpsearch.errors import InputError
from hpsearch.search.store import lease
from hpsearch.search.store.lease import Owner, Process, find_owner, take_lease
from hpsearch.search.store.schema import clock, leases


def sleep_by(sleep: Callable[[float], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Replaces the sleep of leases alone: threads of earlier tests may be asleep as well."""
    monkeypatch.setattr(lease, "time", SimpleNamespace(monotonic=time.monotonic, sleep=sleep))


@pytest.fixture(params=["sqlite", *KINDS])
def engine(request: pytest.FixtureRequest, tmp_path: Path, servers: Servers) -> Iterator[sa.Engine]:
    file = f"sqlite:///{tmp_path}/lease.db"
    engine = sa.create_engine(file if request.param == "sqlite" else servers(request.param).url)
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE IF EXISTS hpsearch_lease"))
    yield engine
    engine.dispose()


@pytest.fixture
def file(tmp_path: Path) -> sa.Engine:
    return sa.create_engine(f"sqlite:///{tmp_path}/lease.db")


def held(engine: sa.Engine, mine: lease.Lease) -> bool:
    with engine.begin() as connection:
        return mine.hold(connection) == "held"


def here(pid: int, started: float) -> Owner:
    process = Process(socket.gethostname(), lease._boot_id(), lease._namespace(), pid, started)
    return Owner(process, 60.0)


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


def test_an_owner_of_a_file_before_the_reboot_is_dead() -> None:
    before = replace(Process.this(), boot="another boot")

    assert not Owner(before, 60.0).alive(local=True)
    assert Owner(before, 60.0).alive(), "another machine may have the same name"


def test_what_cannot_be_seen_lives_as_long_as_its_lease() -> None:
    for elsewhere in (
        replace(Process.this(), host="elsewhere", boot="another boot"),
        replace(Process.this(), namespace="pid:[1]"),
    ):
        assert Owner(elsewhere, 5.0).alive()
        assert not Owner(elsewhere, -5.0).alive()


def set_row(engine: sa.Engine, **values: object) -> None:
    with engine.begin() as connection:
        connection.execute(leases.update().values(**values))


def test_a_search_in_another_container_of_the_same_host_name_is_refused(
    engine: sa.Engine,
) -> None:
    take_lease(engine, 1, "cnn")
    set_row(engine, namespace="pid:[1]", pid=1)

    with pytest.raises(InputError, match=r"if that one is gone, the study is free in \d+ s"):
        take_lease(engine, 1, "cnn")


def test_the_clock_of_the_host_does_not_count(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_lease(engine, 1, "cnn")
    set_row(engine, namespace="pid:[1]")
    monkeypatch.setattr(time, "time", lambda: 4e9)

    with pytest.raises(InputError, match="is being run by another process"):
        take_lease(engine, 1, "cnn")


@pytest.mark.parametrize("often", [1, 30])
def test_a_lease_in_a_file_that_seems_over_is_watched_first(
    file: sa.Engine, monkeypatch: pytest.MonkeyPatch, often: int
) -> None:
    """The asking process's clock may be ahead: an owner that renews its lease is alive.

    An owner that renews it again and again has the same time left at every check.
    """
    monkeypatch.setattr(lease, "WATCH_S", 0.2)
    mine = take_lease(file, 1, "cnn")
    ahead = clock(file) + lease.LEASE_S - 90.0
    set_row(file, namespace="pid:[1]", until=ahead)
    looks = iter(range(2))

    def hold(_: float) -> None:
        if next(looks, None) is not None:
            for _ in range(often):
                assert held(file, mine)
            set_row(file, until=ahead)

    sleep_by(hold, monkeypatch)
    with pytest.raises(InputError, match="is being run by another process"):
        take_lease(file, 1, "cnn")

    sleep_by(lambda _: None, monkeypatch)
    taken = take_lease(file, 1, "cnn")
    assert held(file, taken)
    assert not held(file, mine)


def test_a_clock_that_was_set_back_does_not_keep_a_study_from_everybody(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lease of a minute with a day left is from before; its owner shows if it still renews it."""
    monkeypatch.setattr(lease, "WATCH_S", 0.1)
    monkeypatch.setattr(lease, "_WATCH_STEP_S", 0.02)
    mine = take_lease(engine, 1, "cnn")
    set_row(engine, namespace="pid:[1]", until=clock(engine) + 86_400.0)
    sleep_by(lambda _: held(engine, mine), monkeypatch)
    with pytest.raises(InputError, match="is being run by another process"):
        take_lease(engine, 1, "cnn")

    set_row(engine, until=clock(engine) + 86_400.0)
    sleep_by(lambda _: None, monkeypatch)
    assert held(engine, take_lease(engine, 1, "cnn"))


def test_an_older_copy_of_the_database_is_noticed(engine: sa.Engine) -> None:
    mine = take_lease(engine, 1, "cnn")
    for _ in range(3):
        assert held(engine, mine)
        mine.confirm()
    with engine.begin() as connection:
        assert mine.hold(connection) == "held", "a success that went unheard counts for nothing"
    assert held(engine, mine)

    set_row(engine, batch=1)
    with engine.connect() as connection:
        assert mine.hold(connection) == "went back"
    with engine.begin() as connection:
        connection.execute(leases.delete())
    with engine.connect() as connection:
        assert mine.hold(connection) == "went back"
    with engine.begin() as connection:
        mine.reinstate(connection)
    assert held(engine, mine)


def test_the_table_of_an_earlier_version_is_completed(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            sa.text(
                "CREATE TABLE hpsearch_lease (study_id INTEGER PRIMARY KEY, token VARCHAR(64),"
                " host VARCHAR(255), boot VARCHAR(64), pid INTEGER, started FLOAT, until FLOAT)"
            )
        )
        boot = lease._boot_id()
        connection.execute(
            sa.text("INSERT INTO hpsearch_lease VALUES (1, 'old', 'h', :boot, 1, 0.0, 0.0)"),
            {"boot": boot},
        )
    assert find_owner(engine, 1) is None, "it is read as it is"

    assert held(engine, take_lease(engine, 1, "cnn"))
    assert find_owner(engine, 1) is not None
