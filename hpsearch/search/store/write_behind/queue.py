"""Writes changes to the database in order and in batches, each after a check of the lease.

Making a change does not wait for the database. While the database is unavailable (stopped,
restarted, locked, its disk full), the changes stay here and are tried again. If this process dies
as well, each trial's own file still holds its reports.
"""

from __future__ import annotations

import time
from collections import ChainMap
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from hpsearch.search.store.lease import Lease
from hpsearch.search.store.schema import reason_of
from hpsearch.search.store.tables import Ids, Mutation, write

PATIENCE_S = 15 * 60.0
FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 5.0
BATCH = 500
READ_ONLY = "25006"  # PostgreSQL's read_only_sql_transaction


class LeaseLostError(Exception):
    """Another process owns the study now; this one writes nothing more."""


class WentBack(Exception):
    """The database lacks what was written to it before."""


class DatabaseUnavailableError(Exception):
    """The database refused a change, or was unavailable for too long."""


class Replaced(Exception):
    """Another database has replaced the search's own; nothing is written to it."""


class Guard(Protocol):
    """Checks that the database is still the same one."""

    def is_changed(self) -> bool:
        """Returns whether it was deleted, emptied or replaced."""

    def restore(self) -> tuple[Ids, str]:
        """Writes the whole study again; returns the trials' new ids and what happened, in words.

        Raises:
            Replaced: another database has taken its place.
            DBAPIError, OSError: it cannot be written.
        """


class WriteBehindQueue:
    """Writes changes in a separate thread, so that nothing waits for the database.

    Args:
        engine: the database.
        lease: the ownership of the study, checked in the transaction of every batch.

    Attributes:
        ids: of the trials in the database, by number.
        trouble: why the database cannot be written now; empty if it can.
        notes: messages for the observer.
        guard: checks that the database is still the same, once the study is in memory.
        lease: the ownership of the study.
        taken: how many changes were put here so far.
        written: how many of them, in order, are in the database.
    """

    def __init__(self, engine: sa.Engine, lease: Lease) -> None:
        self.engine = engine
        self.ids: Ids = {}
        self.trouble = ""
        self.notes: list[str] = []
        self.guard: Guard | None = None
        self.lease = lease
        self.taken = self.written = 0
        self._changes: list[Mutation] = []
        self._sent = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="write-behind")
        self._writing: Future[dict[int, int]] | None = None
        self._failing_since: float | None = None
        self._wait_s = FIRST_WAIT_S
        self._not_before = 0.0

    def put(self, change: Mutation) -> None:
        """Takes a change, to be written after all earlier ones."""
        self._changes.append(change)
        self.taken += 1

    @property
    def empty(self) -> bool:
        """Whether the database has every change."""
        return not self._changes and self._writing is None

    def pump(self) -> None:
        """Collects the result of the last batch and sends the next; never waits for the database.

        Raises:
            LeaseLostError: another process owns the study.
            DatabaseUnavailableError: the database was unavailable for longer than `PATIENCE_S`, or
                refused a change.
        """
        if self._writing is not None and self._writing.done():
            self._collect(self._writing)
        if self._writing is None and self.guard is not None and self.guard.is_changed():
            self._restore(self.guard)
        due = self._changes or self.lease.due()
        if self._writing is None and due and time.monotonic() >= self._not_before:
            batch = tuple(self._changes[:BATCH])
            self._sent = len(batch)
            self._writing = self._thread.submit(self._write, batch)

    def flush(self, timeout_s: float) -> bool:
        """Waits for all changes, at most this many seconds; returns whether they are written."""
        deadline = time.monotonic() + timeout_s
        while True:
            self.pump()
            left = deadline - time.monotonic()
            if self.empty or left <= 0:
                return self.empty
            if self._writing is None:
                time.sleep(min(left, max(0.0, self._not_before - time.monotonic())))
            else:
                wait([self._writing], left)

    def __enter__(self) -> WriteBehindQueue:
        return self

    def __exit__(self, *_: object) -> None:
        """Ends the thread; changes that are not written yet stay unwritten."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _write(self, batch: Sequence[Mutation]) -> dict[int, int]:
        """Writes the changes; returns the ids of new trials."""
        given: dict[int, int] = {}
        ids = ChainMap(given, self.ids)
        with self.engine.begin() as connection:
            held = self.lease.hold(connection)
            if held == "lost":
                raise LeaseLostError
            if held == "went back":
                raise WentBack
            write(connection, batch, ids)
        return given

    def _collect(self, written: Future[dict[int, int]]) -> None:
        self._writing = None
        error = written.exception()
        if error is None:
            self.lease.confirm()
            self.ids.update(written.result())
            del self._changes[: self._sent]
            self.written += self._sent
            self._failing_since, self.trouble, self._wait_s = None, "", FIRST_WAIT_S
            return
        if isinstance(error, LeaseLostError):
            self._changes.clear()
            raise error
        if isinstance(error, WentBack) and self.guard is not None:
            self._restore(self.guard)
            return
        self._wait_for_recovery(error)

    def _restore(self, guard: Guard) -> None:
        """Writes the whole study again into a database that has lost all or part of it."""
        try:
            ids, note = guard.restore()
        except Replaced as error:
            self._changes.clear()
            raise DatabaseUnavailableError(str(error)) from None
        except (DBAPIError, OSError) as error:
            self._wait_for_recovery(error)
            return
        self.ids.clear()
        self.ids.update(ids)
        self._changes.clear()
        self.written = self.taken
        self.notes.append(note)
        self._failing_since, self.trouble, self._wait_s = None, "", FIRST_WAIT_S

    def _wait_for_recovery(self, error: BaseException) -> None:
        now = time.monotonic()
        since = self._failing_since = self._failing_since or now
        if not is_transient(error) or now - since > PATIENCE_S:
            self._changes.clear()
            raise DatabaseUnavailableError(reason_of(error)) from error
        self.trouble = reason_of(error)
        self._not_before = now + self._wait_s
        self._wait_s = min(2 * self._wait_s, LONGEST_WAIT_S)


def is_transient(error: BaseException) -> bool:
    """Returns whether a database may recover: it is unreachable, locked, full or read-only."""
    if isinstance(error, OperationalError | InterfaceError | PoolTimeout):
        return True
    if not isinstance(error, DBAPIError):
        return False
    # A standby refuses to write for a while, as does a server during a failover.
    refused = getattr(error.orig, "sqlstate", None) == READ_ONLY
    return refused or error.connection_invalidated
