"""One coordinator for each study: who owns it, and whether the owner is still alive.

A lease is a row in our own table beside Optuna's, taken with one conditional UPDATE. Its times are
those of the database's clock, so that the clocks of the hosts need not agree.
"""

from __future__ import annotations

import socket
import time
import uuid
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

import psutil
import sqlalchemy as sa

from hpsearch.errors import InputError
from hpsearch.search.store.schema import clock, leases, make_lease_table

LEASE_S = 60.0
RENEW_S = 10.0
WATCH_S = 15.0
_WATCH_STEP_S = 0.5
_SURELY_DEAD_S = 600.0
_LONGEST_S = LEASE_S + 600.0

Held = Literal["held", "lost", "went back"]


@dataclass(frozen=True)
class Process:
    """Identifies one process: a pid alone may name another process elsewhere, or later.

    Attributes:
        host: name of the machine or container, to be shown.
        boot: identifies the kernel's start; the same in all containers of a machine.
        namespace: of pids; each container has its own.
        pid: its number there.
        started: when it started, on a clock that does not jump when the date is set.
    """

    host: str
    boot: str
    namespace: str
    pid: int
    started: float

    def __str__(self) -> str:
        return f"{self.host}, pid {self.pid}"

    @classmethod
    def this(cls) -> Process:
        """Returns the current process."""
        process = psutil.Process()
        host, started = socket.gethostname(), _start_time(process)
        return cls(host, _boot_id(), _namespace(), process.pid, started)

    @property
    def visible(self) -> bool:
        """Whether it is visible from here: same kernel, same namespace of pids."""
        return self.boot == _boot_id() and self.namespace in ("", _namespace())

    def runs(self) -> bool:
        """Returns whether a process that is visible from here still runs."""
        if not psutil.pid_exists(self.pid):
            return False
        try:
            process = psutil.Process(self.pid)
            gone = process.status() == psutil.STATUS_ZOMBIE
            return not gone and abs(_start_time(process) - self.started) < 1.0
        except psutil.NoSuchProcess:
            return False


@dataclass(frozen=True)
class Owner:
    """The process that runs a study.

    Attributes:
        process: which one.
        left_s: seconds until its lease expires, on the database's clock.
    """

    process: Process
    left_s: float

    def __str__(self) -> str:
        return str(self.process)

    def alive(self, *, local: bool = False) -> bool:
        """Returns whether the owner still runs: by its process if visible, else by its lease.

        Args:
            local: whether only a process of this machine can own it, as with a file.
        """
        if self.process.visible:
            return self.process.runs()
        same_host = self.process.host == socket.gethostname()
        if local and same_host and self.process.boot != _boot_id():
            return False  # The machine has restarted since.
        # A lease with more time left than any lease lasts is from before the clock was set back.
        return 0 < self.left_s <= _LONGEST_S


class Lease(AbstractContextManager["Lease"]):
    """A process's ownership of a study, until it is released or lost; a block releases it."""

    def __init__(self, engine: sa.Engine, study_id: int, token: str) -> None:
        self._engine = engine
        self._study_id = study_id
        self._token = token
        self._batch = 0
        self._renewed = time.monotonic()

    def due(self) -> bool:
        """Returns whether it is time to renew the lease even if there is nothing else to write."""
        return time.monotonic() - self._renewed > RENEW_S

    def hold(self, connection: sa.Connection) -> Held:
        """Renews the lease within a transaction.

        The row stays locked until the transaction ends, so that everything else in it is written
        by the owner or not at all.

        Returns:
            `lost` if another process has taken it; `went back` if the database lacks earlier
            writes: an older copy or another server has replaced it.
        """
        until = clock(self._engine) + LEASE_S
        done = connection.execute(
            leases.update().where(self._mine()).values(until=until, batch=leases.c.batch + 1)
        )
        self._renewed = time.monotonic()
        of_study = leases.c.study_id == self._study_id
        if not done.rowcount:
            taken = connection.execute(sa.select(leases.c.token).where(of_study)).scalar()
            return "lost" if taken else "went back"
        batch: int = connection.execute(sa.select(leases.c.batch).where(of_study)).scalar_one()
        if batch <= self._batch:
            return "went back"
        return "held"

    def confirm(self, batches: int = 1) -> None:
        """Records how many transactions under the lease were committed."""
        self._batch += batches

    def reinstate(self, connection: sa.Connection) -> None:
        """Writes the lease again into a database that has lost all or part of it."""
        connection.execute(leases.delete().where(leases.c.study_id == self._study_id))
        row = _row_of(Process.this(), self._token, self._engine)
        connection.execute(leases.insert().values(study_id=self._study_id, **row))
        self._batch = 0

    def has(self, token: str | None) -> bool:
        """Returns whether a stored token is that of this lease."""
        return token == self._token

    def release(self) -> None:
        """Releases the study; if the database is unreachable, it is free once this process ends."""
        with suppress(sa.exc.SQLAlchemyError), self._engine.begin() as connection:
            connection.execute(leases.delete().where(self._mine()))

    def __exit__(self, *_: object) -> None:
        self.release()

    def _mine(self) -> sa.ColumnElement[bool]:
        return sa.and_(leases.c.study_id == self._study_id, leases.c.token == self._token)


def find_owner(engine: sa.Engine, study_id: int, but: Lease | None = None) -> Owner | None:
    """Returns the living owner of a study, or None; the owner with the lease `but` is ignored."""
    if not sa.inspect(engine).has_table(leases.name):
        return None
    owner, token = _read(engine, study_id)
    if owner is None or (but is not None and but.has(token)):
        return None
    return owner if owner.alive(local=_is_local(engine)) else None


def last_owner(engine: sa.Engine, study_id: int) -> Owner | None:
    """Returns the owner of a study, alive or dead; None if it was released."""
    if not sa.inspect(engine).has_table(leases.name):
        return None
    return _read(engine, study_id)[0]


def take_lease(engine: sa.Engine, study_id: int, name: str) -> Lease:
    """Makes this process the owner of a study; replaces a dead owner at once.

    Raises:
        InputError: another living process owns the study.
    """
    make_lease_table(engine)
    owner, before = _read(engine, study_id)
    if owner is not None and (owner.alive(local=_is_local(engine)) or _renews(engine, study_id)):
        raise _already_running(name, owner)
    token = uuid.uuid4().hex
    mine = _row_of(Process.this(), token, engine)
    try:
        with engine.begin() as connection:
            if before is None:
                connection.execute(leases.insert().values(study_id=study_id, **mine))
                return Lease(engine, study_id, token)
            same = sa.and_(leases.c.study_id == study_id, leases.c.token == before)
            if connection.execute(leases.update().where(same).values(**mine)).rowcount:
                return Lease(engine, study_id, token)
    except sa.exc.IntegrityError:
        """Another process was faster: it is named below."""
    raise _already_running(name, _read(engine, study_id)[0])


def _renews(engine: sa.Engine, study_id: int) -> bool:
    """Returns whether an owner that seems dead still renews its lease.

    An SQLite file has no clock of its own: it uses the reader's, which may be ahead. Any clock may
    have been set back.
    """
    owner, _ = _read(engine, study_id)
    if owner is None or owner.process.visible or not owner.process.namespace:
        return False
    went_back = owner.left_s > _LONGEST_S
    if not went_back and (not _is_local(engine) or owner.left_s < -_SURELY_DEAD_S):
        return False
    held = _times_held(engine, study_id)
    deadline = time.monotonic() + WATCH_S
    while time.monotonic() < deadline:
        time.sleep(_WATCH_STEP_S)
        if _times_held(engine, study_id) != held:
            return True
    return False


def _times_held(engine: sa.Engine, study_id: int) -> int | None:
    """Returns how often the owner has renewed its lease: a count that does not depend on clocks."""
    query = sa.select(leases.c.batch).where(leases.c.study_id == study_id)
    with engine.connect() as connection:
        return connection.execute(query).scalar()


def _already_running(name: str, owner: Owner | None) -> InputError:
    who = "a host unknown" if owner is None else str(owner)
    wait = ""
    if owner is not None and not owner.process.visible:
        wait = f"; if that one is gone, the study is free in {max(1, round(owner.left_s))} s"
    return InputError(
        f"the study {name} is being run by another process ({who}); watch it with"
        f" `hpsearch watch {name}`, or stop it with `hpsearch control {name} stop`{wait}"
    )


def _read(engine: sa.Engine, study_id: int) -> tuple[Owner | None, str | None]:
    """Returns the stored owner and the token of its lease."""
    # The table of an earlier version lacks some columns.
    there = {column["name"] for column in sa.inspect(engine).get_columns(leases.name)}
    columns = [column for column in leases.c if column.name in there]
    query = sa.select(*columns, clock(engine).label("now")).where(leases.c.study_id == study_id)
    with engine.connect() as connection:
        row = connection.execute(query).one_or_none()
    if row is None:
        return None, None
    facts = row._asdict()
    known = {field.name: facts.get(field.name, "") for field in fields(Process)}
    return Owner(Process(**known), facts["until"] - float(facts["now"])), facts["token"]


def _row_of(process: Process, token: str, engine: sa.Engine) -> dict[str, object]:
    return {**vars(process), "token": token, "until": clock(engine) + LEASE_S, "batch": 0}


def _is_local(engine: sa.Engine) -> bool:
    return engine.dialect.name == "sqlite"


def _start_time(process: psutil.Process) -> float:
    """Returns when a process started, on a clock that does not jump when the date is set."""
    try:
        stat = Path(f"/proc/{process.pid}/stat").read_text(encoding="utf-8")
        # Field 22 of proc(5), in ticks since the boot, counted after the name, which may be any.
        return float(stat.rpartition(")")[2].split()[19])
    except OSError:
        return float(process.create_time())


def _boot_id() -> str:
    """Identifies this boot of the machine: after a reboot, pids belong to other processes."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    except OSError:
        return str(round(psutil.boot_time()))


def _namespace() -> str:
    """Identifies this container's process numbers (pid_namespaces(7))."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""
