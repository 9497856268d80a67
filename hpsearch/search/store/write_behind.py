"""Changes on their way to the database: in order, in batches, each behind a check of the lease.

Whoever makes a change does not wait for it. While the database is away (stopped, restarted, locked,
its disk full) the changes stay here and are tried again; a trial's own file holds its reports
meanwhile, should this process die as well.
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

from hpsearch.search.store.database import reason_of
from hpsearch.search.store.lease import Lease
from hpsearch.search.store.tables import Ids, Mutation, write

PATIENCE_S = 15 * 60.0
FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 5.0
BATCH = 500
READ_ONLY = "25006"  # PostgreSQL's read_only_sql_transaction


class LeaseLostError(Exception):
    """Another process owns the study now: nothing more is written from here."""


class WentBack(Exception):
    """The database has forgotten what was written before."""


class DatabaseUnavailableError(Exception):
    """The database refused a change, or was away for too long."""


class Replaced(Exception):
    """Another database is in the place of the search's own: nothing is written to it."""


class Guard(Protocol):
    """Looks after the database itself: that it is the one it was."""

    def is_changed(self) -> bool:
        """Returns whether it has been deleted, emptied or replaced."""

    def restore(self) -> tuple[Ids, str]:
        """Writes the whole study again; returns the trials' new ids and what happened, in words.

        Raises:
            Replaced: that would not be right.
            DBAPIError, OSError: it cannot be written.
        """


class WriteBehindQueue:
    """Writes changes in its own thread, so that nothing waits for the database.

    Args:
        engine: the database.
        lease: the ownership that every batch checks, in its own transaction, before it writes.

    Attributes:
        ids: of the trials in the database, by number.
        trouble: why the database cannot be written just now; empty if it can.
        notes: what there is to tell whoever watches.
        guard: looks after the database itself, once the study is in memory.
        lease: the ownership of the study.
        taken: changes put here since the beginning.
        written: how many of them, in order, the database has.
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
        """Takes a change; it is written after all that came before it."""
        self._changes.append(change)
        self.taken += 1

    @property
    def empty(self) -> bool:
        """Whether the database has every change."""
        return not self._changes and self._writing is None

    def pump(self) -> None:
        """Hears how the last batch fared and sends the next; never waits for the database.

        Raises:
            LeaseLostError: another process owns the study.
            DatabaseUnavailableError: the database was away for longer than `PATIENCE_S`, or refused
                a change.
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
        """Returns whether all is written, having waited at most so long for it."""
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
        """Ends the thread; what is not written by now stays unwritten."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _write(self, batch: Sequence[Mutation]) -> dict[int, int]:
        """Writes the changes; returns the ids that they gave to trials."""
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
        """Writes the whole study again into a database that has lost it, or a part of it."""
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
    """Returns whether a database may recover: it is away, locked, out of room or read-only."""
    if isinstance(error, OperationalError | InterfaceError | PoolTimeout):
        return True
    if not isinstance(error, DBAPIError):
        return False
    # A standby, or a server during a switch to another one, refuses to write for a while.
    refused = getattr(error.orig, "sqlstate", None) == READ_ONLY
    return refused or error.connection_invalidated
