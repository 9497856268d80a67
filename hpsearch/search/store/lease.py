"""One coordinator a study: who owns it, and whether the owner still lives.

A lease is a row of a table of ours beside Optuna's, taken by one conditional UPDATE, since
Optuna's attributes cannot be compared and set.
"""

from __future__ import annotations

import socket
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import sqlalchemy as sa

from hpsearch.errors import InputError
from hpsearch.search.store.database import make_tables

LEASE_S = 60.0
RENEW_S = 10.0

_metadata = sa.MetaData()
_leases = sa.Table(
    "hpsearch_lease",
    _metadata,
    sa.Column("study_id", sa.Integer, primary_key=True),
    sa.Column("token", sa.String(64), nullable=False),
    sa.Column("host", sa.String(255), nullable=False),
    sa.Column("boot", sa.String(64), nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("started", sa.Float, nullable=False),
    sa.Column("until", sa.Float, nullable=False),
)


@dataclass(frozen=True)
class Owner:
    """The process that runs a study."""

    host: str
    boot: str
    pid: int
    started: float
    until: float

    def __str__(self) -> str:
        return f"{self.host}, pid {self.pid}"

    def alive(self) -> bool:
        """Returns whether the owner still runs: seen here by its process, elsewhere by its lease.

        A pid alone may have been given to another process since, so its start time counts too.
        """
        if self.host != socket.gethostname():
            return time.time() < self.until
        if self.boot != _boot_id() or not psutil.pid_exists(self.pid):
            return False
        try:
            process = psutil.Process(self.pid)
            gone = process.status() == psutil.STATUS_ZOMBIE
            return not gone and abs(_start_time(process) - self.started) < 1.0
        except psutil.NoSuchProcess:
            return False


class Lease:
    """The ownership of a study by the process that took it, until it is released or lost."""

    def __init__(self, engine: sa.Engine, study_id: int, token: str) -> None:
        self._engine = engine
        self._study_id = study_id
        self._token = token
        self._renewed = time.monotonic()

    def due(self) -> bool:
        """Whether it is time to hold the lease anew, though there is nothing else to write."""
        return time.monotonic() - self._renewed > RENEW_S

    def hold(self, connection: sa.Connection) -> bool:
        """Prolongs the lease within a transaction; False once another process has taken it.

        The row stays locked until the transaction ends, so that whatever else it writes is written
        by the owner or not at all.
        """
        done = connection.execute(
            _leases.update().where(self._mine()).values(until=time.time() + LEASE_S)
        )
        self._renewed = time.monotonic()
        return done.rowcount == 1

    def release(self) -> None:
        """Gives the study back; without the database it is free once this process has ended."""
        with suppress(sa.exc.SQLAlchemyError), self._engine.begin() as connection:
            connection.execute(_leases.delete().where(self._mine()))

    def _mine(self) -> sa.ColumnElement[bool]:
        return sa.and_(_leases.c.study_id == self._study_id, _leases.c.token == self._token)


def find_owner(engine: sa.Engine, study_id: int) -> Owner | None:
    """Returns the living owner of a study, or None."""
    owner = last_owner(engine, study_id)
    return owner if owner is not None and owner.alive() else None


def last_owner(engine: sa.Engine, study_id: int) -> Owner | None:
    """Returns who owns a study, or owned it and died with it; None if it was given back."""
    if not sa.inspect(engine).has_table(_leases.name):
        return None
    row = _row(engine, study_id)
    return _owner(row) if row is not None else None


def take_lease(engine: sa.Engine, study_id: int, name: str) -> Lease:
    """Makes this process the owner of a study; a dead owner is taken over at once.

    Raises:
        InputError: another process owns the study and lives.
    """
    make_tables(lambda: _metadata.create_all(engine))
    row = _row(engine, study_id)
    if row is not None and _owner(row).alive():
        raise _owned(name, _owner(row))
    token = uuid.uuid4().hex
    mine = {
        "token": token,
        "host": socket.gethostname(),
        "boot": _boot_id(),
        "pid": psutil.Process().pid,
        "started": _start_time(psutil.Process()),
        "until": time.time() + LEASE_S,
    }
    try:
        with engine.begin() as connection:
            if row is None:
                connection.execute(_leases.insert().values(study_id=study_id, **mine))
                return Lease(engine, study_id, token)
            same = sa.and_(_leases.c.study_id == study_id, _leases.c.token == row.token)
            if connection.execute(_leases.update().where(same).values(**mine)).rowcount:
                return Lease(engine, study_id, token)
    except sa.exc.IntegrityError:
        """Another process was faster: it is named below."""
    raise _owned(name, _owner(_row(engine, study_id)))


def _owned(name: str, owner: Owner) -> InputError:
    return InputError(
        f"the study {name} is being run by another process ({owner}); watch it with"
        f" `hpsearch status {name}`, or stop that one first"
    )


def _row(engine: sa.Engine, study_id: int) -> sa.Row[tuple[object, ...]] | None:
    with engine.connect() as connection:
        return connection.execute(
            sa.select(_leases).where(_leases.c.study_id == study_id)
        ).one_or_none()


def _owner(row: sa.Row[tuple[object, ...]] | None) -> Owner:
    if row is None:
        return Owner("a host unknown", "", 0, 0.0, 0.0)
    fields = row._asdict()
    return Owner(**{key: fields[key] for key in Owner.__dataclass_fields__})


def _start_time(process: psutil.Process) -> float:
    """Returns when a process started, on a clock that does not jump when the date is set."""
    try:
        stat = Path(f"/proc/{process.pid}/stat").read_text(encoding="utf-8")
        # After the name, which may hold anything: field 22 of proc(5), in ticks since the boot.
        return float(stat.rpartition(")")[2].split()[19])
    except OSError:
        return float(process.create_time())


def _boot_id() -> str:
    """Tells this start of the machine from others: after a reboot every pid means another."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    except OSError:
        return str(round(psutil.boot_time()))
