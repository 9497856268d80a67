"""Queued changes reach the database, whatever happens to either end."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
import sqlalchemy as sa
from optuna.storages import RDBStorage
from sqlalchemy.exc import IntegrityError, InternalError, OperationalError

from hpsearch.search.store.database import open_storage
from hpsearch.search.store.lease import take_lease
from hpsearch.search.store.write_behind import (
    DatabaseUnavailableError,
    LeaseLostError,
    WriteBehindQueue,
    buffer_writes,
    queue,
)


class Desk:
    """A study of one running trial, and the write-behind queue of its owner."""

    def __init__(self, storage: RDBStorage) -> None:
        self.engine = storage.engine
        self.stored = optuna.create_study(storage=storage, study_name="desk")
        self.lease = take_lease(self.engine, self.stored._study_id, "desk")
        self.writes = WriteBehindQueue(self.engine, self.lease)
        self.buffered = buffer_writes(self.stored, self.writes)
        self.trial = self.buffered.ask()
        assert self.writes.flush(10)

    def take_over(self) -> None:
        with self.engine.begin() as connection:
            connection.execute(sa.text("UPDATE hpsearch_lease SET token = 'another'"))

    def steps(self) -> list[int]:
        return sorted(self.stored.get_trials()[0].intermediate_values)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(open_storage(f"sqlite:///{tmp_path}/desk.db"))
    with desk.writes:
        yield desk


def fail(desk: Desk, times: int, error: Exception) -> None:
    """Makes the queue's next few commits fail with this error; readers are unaffected."""
    left = iter([error] * times)

    def commit(connection: sa.Connection) -> None:
        if threading.current_thread() is not threading.main_thread():
            for met in left:
                raise met

    sa.event.listen(desk.engine, "commit", commit)


AWAY = OperationalError("UPDATE", {}, Exception("server closed the connection unexpectedly"))


def test_many_changes_arrive_in_their_order(desk: Desk) -> None:
    for step in range(1, 1201):
        desk.trial.report(step / 1000, step)

    assert desk.writes.flush(30)
    assert desk.steps() == list(range(1, 1201))


def test_of_what_changes_often_in_a_batch_only_the_last_is_written(desk: Desk) -> None:
    written: list[object] = []

    @sa.event.listens_for(desk.engine, "before_cursor_execute")
    def count(_: object, __: object, sql: str, rows: object, *more: object) -> None:
        if "trial_user_attributes" in sql:
            written.append(rows)

    for epoch in range(100):
        desk.trial.set_user_attr("seconds", epoch)
        desk.trial.set_user_attr("metrics", {"loss": epoch})

    assert desk.writes.flush(10)
    assert len(written) == 1
    assert desk.stored.get_trials()[0].user_attrs == {"seconds": 99, "metrics": {"loss": 99}}


def test_an_outage_is_waited_out_and_nothing_is_lost(desk: Desk) -> None:
    desk.trial.report(0.1, 1)
    fail(desk, 3, AWAY)
    desk.trial.report(0.2, 2)

    assert not desk.writes.flush(0.05)
    assert desk.writes.trouble == "server closed the connection unexpectedly"
    assert desk.steps() == [], "a batch is written whole or not at all"
    assert desk.writes.flush(10)
    assert desk.writes.trouble == ""
    assert desk.steps() == [1, 2]


def test_the_ids_of_all_trials_are_not_copied_for_a_batch(desk: Desk) -> None:
    ids = desk.writes.ids

    second = desk.buffered.ask()

    assert desk.writes.flush(10)
    assert desk.writes.ids is ids
    assert ids == {0: 1, second.number: 2}


def test_a_batch_whose_success_went_unheard_counts_once(desk: Desk) -> None:
    writes: list[int] = []

    def cut_after_commit(connection: sa.Connection) -> None:
        writes.append(len(writes))
        if len(writes) == 1:
            connection.connection.commit()
            raise AWAY

    sa.event.listen(desk.engine, "commit", cut_after_commit)
    second = desk.buffered.ask()
    second.report(0.5, 1)
    desk.buffered.tell(second, 0.5)

    assert desk.writes.flush(10)
    assert len(writes) >= 2
    assert [trial.number for trial in desk.stored.get_trials()] == [0, 1]
    assert desk.stored.get_trials()[1].values == [0.5]


def test_a_former_owner_writes_nothing(desk: Desk) -> None:
    desk.take_over()
    desk.trial.report(0.9, 1)

    with pytest.raises(LeaseLostError):
        desk.writes.flush(10)
    assert desk.steps() == []
    assert desk.writes.flush(1), "and never tries again"
    assert desk.steps() == []


def test_an_idle_owner_still_notices_a_takeover(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hpsearch.search.store.lease.RENEW_S", 0.0)
    desk.take_over()

    with pytest.raises(LeaseLostError):
        desk.writes.flush(10)


def test_a_database_that_refuses_is_not_asked_again(desk: Desk) -> None:
    fail(desk, 1, IntegrityError("INSERT", {}, Exception("no such study")))
    desk.trial.report(0.1, 1)

    with pytest.raises(DatabaseUnavailableError, match="no such study"):
        desk.writes.flush(10)


def test_waiting_ends_after_the_time_limit(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "PATIENCE_S", 0.2)
    fail(desk, 1000, AWAY)
    desk.trial.report(0.1, 1)

    with pytest.raises(DatabaseUnavailableError, match="server closed the connection unexpectedly"):
        desk.writes.flush(10)


def test_the_time_limit_is_at_least_ten_minutes() -> None:
    assert queue.PATIENCE_S >= 600


def test_a_locked_database_keeps_nobody_waiting(desk: Desk, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "desk.db", check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    desk.trial.report(0.1, 1)

    desk.writes.pump()
    assert not desk.writes.flush(0.1)
    threading.Timer(0.2, other.rollback).start()
    assert desk.writes.flush(10)
    assert desk.steps() == [1]


class ReadOnly(Exception):
    """What PostgreSQL's driver raises on a standby, or during a switch of servers."""

    sqlstate = "25006"


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (AWAY, True),
        (OperationalError("", {}, sqlite3.OperationalError("database or disk is full")), True),
        (InternalError("", {}, ReadOnly("cannot execute UPDATE in a read-only transaction")), True),
        (InternalError("", {}, Exception("cannot execute UPDATE")), False),
        (IntegrityError("", {}, Exception("constraint")), False),
        (TypeError("a bug"), False),
    ],
)
def test_only_transient_errors_are_waited_for(error: Exception, answer: bool) -> None:
    assert queue.is_transient(error) is answer
