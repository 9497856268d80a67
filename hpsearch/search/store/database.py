"""The database of a study: where it is, and how to open it."""

from __future__ import annotations

import atexit
import logging
import os
import re
import sqlite3
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import optuna
import sqlalchemy
from optuna.storages import RDBStorage
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from hpsearch.errors import InputError
from hpsearch.internals.optuna import check_schema
from hpsearch.protocol.regular_file import what_else
from hpsearch.search.store.lost import rebuilding_words
from hpsearch.search.store.schema import has_studies, make_lease_table, make_tables, reason_of, tune
from hpsearch.search.store.sqlite_file import (
    BUSY_S,
    connect_read_only,
    connect_unsynced,
    make_whole,
    mark_version,
    refuse_network,
    refuse_unreadable,
    refuse_unwritable,
    table_names,
)

DEFAULT_URL = "sqlite:///hpsearch.db"
CONNECT_S = 10

_SECRET = re.compile("pass|pwd|secret|token", re.IGNORECASE)
_HOST = re.compile(r"[\w.,-]*|[\da-fA-F:.]+(%\w+)?")

# The current schema version of Optuna's releases; Optuna itself loads the whole history to tell.
_NEWEST_TABLES = {"5.0.0": "v3.2.0.a"}
_written: weakref.WeakSet[RDBStorage] = weakref.WeakSet()


def default_url() -> str:
    """Returns `$HPSEARCH_STORAGE`, or the SQLite file `hpsearch.db` in the current folder."""
    return os.environ.get("HPSEARCH_STORAGE") or DEFAULT_URL


def redact(url: str) -> str:
    """Returns the URL without its passwords, safe to print."""
    parsed = _parse(url)
    if parsed is None:
        return "a URL that cannot be read"
    # A value may hold a password, too: options=-c password=...
    hidden = {k: "***" for k, said in parsed.query.items() if _SECRET.search(f"{k} {said}")}
    shown = parsed.update_query_dict(hidden).render_as_string(hide_password=True)
    shown = shown.replace(quote_plus("***"), "***")
    return shown if shown.isprintable() else ascii(shown)[1:-1]


def open_storage(url: str, *, create: bool = True) -> RDBStorage:
    """Opens the database for writing, and creates its tables if there are none.

    Args:
        url: an SQLAlchemy URL: `sqlite:///file.db`, `postgresql+psycopg://...` or
            `mysql+pymysql://...`.
        create: whether to create an SQLite file that does not exist.

    Raises:
        InputError: the URL is not a database URL, or the database behind it cannot be opened or
            is another program's.
    """
    place = _locate(url)
    if place.file is not None:
        _check_file(place.file, place.shown, create)
        refuse_unwritable(place.file)
        make_file(place.file)
    with _explained(place.shown):
        _is_made(place)
        storage = make_tables(lambda: _open(url, _write_options(place.parsed)))
        tune(storage.engine)
    _written.add(storage)
    return storage


def read_storage(url: str) -> RDBStorage:
    """Opens the database read-only: nothing is written, neither tables nor a log beside the file.

    Works in read-only folders and on other users' files.

    Raises:
        InputError: there is no such database, it cannot be read, or it is another program's.
    """
    place = _locate(url)
    if place.file is not None:
        _check_file(place.file, place.shown, create=False)
    with _explained(place.shown):
        if not _is_made(place):
            raise InputError(
                f"the database {place.shown} is empty; start a search there with `hpsearch run`"
            )
        return _open(url, _read_options(place), tables=False)


def close_storage(storage: RDBStorage) -> None:
    """Closes a database; an SQLite file is then complete by itself.

    Connections left open would keep the newest rows in the write-ahead log, and a copy of the file
    alone would lack them.
    """
    storage.remove_session()
    file = _locate(storage.url).file
    if storage in _written and file is not None and file.exists():
        # With a reader, ours is not the last connection to close, so the log is merged here.
        with suppress(SQLAlchemyError), storage.engine.connect() as connection:
            connection.execute(sqlalchemy.text("PRAGMA wal_checkpoint(TRUNCATE)"))
    storage.engine.dispose()
    _written.discard(storage)


def close_all() -> None:
    """Closes every database that this process has opened for writing."""
    for storage in list(_written):
        close_storage(storage)


atexit.register(close_all)


def _open(url: str, options: dict[str, Any], *, tables: bool = True) -> RDBStorage:
    # Optuna replaces `{SCHEMA_VERSION}` in the URL; other braces would make that fail.
    url = url.replace("{", "{{").replace("}", "}}")
    storage = RDBStorage(
        url,
        engine_kwargs=options,
        skip_table_creation=not tables,
        skip_compatibility_check=True,
    )
    if storage.get_current_version() != _NEWEST_TABLES.get(optuna.__version__):
        check_schema(storage)
    return storage


@dataclass(frozen=True)
class _Place:
    """Where a database is: its URL, the URL without passwords, and its file if it is SQLite."""

    parsed: URL
    shown: str
    file: Path | None


def _locate(url: str) -> _Place:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # The pool logs a traceback for each broken connection; the error itself is reported.
    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)
    shown, parsed = redact(url), _parse(url)
    if parsed is None:
        is_file = re.fullmatch(r"[\w./~-]+", url)  # anything else may hold a password
        head, file = (f"{url}: ", url) if is_file else ("", "hpsearch.db")
        raise InputError(
            f"{head}not a database URL; write sqlite:///{file},"
            " postgresql+psycopg://user@host/database or mysql+pymysql://user@host/database, with"
            " %40 for an @ within a password"
        )
    if parsed.get_backend_name() in ("mysql", "mariadb") and not parsed.database:
        raise InputError(f"{shown}: no database is named; write its name at the end, as in .../lab")
    if parsed.get_backend_name() != "sqlite":
        return _Place(parsed, shown, None)
    if not parsed.database or parsed.database == ":memory:":
        raise InputError(
            f"{shown}: a study in memory cannot be resumed; write sqlite:///hpsearch.db"
        )
    return _Place(parsed, shown, Path(parsed.database))


@contextmanager
def _explained(shown: str) -> Iterator[None]:
    """Turns a driver's error about a database into an InputError.

    Args:
        shown: the database's URL, without its password.
    """
    try:
        yield
    except InputError:
        raise
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise InputError(
            f"the database {shown} cannot be opened: {reason_of(error)}; a server is reached with"
            " postgresql+psycopg://... (pip install 'hpsearch[postgresql]') or mysql+pymysql://..."
            " (pip install 'hpsearch[mysql]')"
        ) from error
    except (SQLAlchemyError, ImportError, sqlite3.Error, OSError) as error:
        raise InputError(f"the database {shown} cannot be opened: {reason_of(error)}") from error
    except Exception as error:
        raise InputError(f"the database {shown} cannot be used: {reason_of(error)}") from error


def _is_made(place: _Place) -> bool:
    """Returns whether the database has our tables; False if it is empty.

    Raises:
        InputError: it belongs to another program.
    """
    if place.file is not None:
        there = table_names(place.file) if place.file.exists() else set()
        return has_studies(there, place.shown, alone=True)
    engine = sqlalchemy.create_engine(place.parsed, **_write_options(place.parsed))
    try:
        there = set(sqlalchemy.inspect(engine).get_table_names())
    finally:
        engine.dispose()
    return has_studies(there, place.shown, alone=False)


def _parse(url: str) -> URL | None:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # a port that is not a number
        return None
    if parsed.get_backend_name() == "sqlite":
        return parsed
    # A stray @, or an escaped one, makes part of a password look like a host or a database.
    strange = not _HOST.fullmatch(parsed.host or "") or "@" in (parsed.database or "")
    return None if strange else parsed


def _check_file(path: Path, shown: str, create: bool) -> None:
    if kind := what_else(path):
        raise InputError(f"the database {shown} is {kind}; name a file, as sqlite:///hpsearch.db")
    if not path.exists() and not create:
        advice = rebuilding_words(path, shown)
        here = "" if path.is_absolute() else f" in {path.absolute().parent}"
        raise InputError(
            f"there is no database {shown}{here}; go to the folder that has it, name another with"
            " --storage, or start a search with `hpsearch run`"
            f"{advice and f'; {advice}'}"
        )
    if not path.parent.exists():
        raise InputError(f"the database {shown} cannot be made: there is no folder {path.parent}")
    refuse_network(path)
    refuse_unreadable(path)
    # The file is not read here: closing it would drop the locks of this process's connections
    # (sqlite.org/howtocorrupt.html, section 2.2). SQLite itself reports a file that is not a
    # database.


def database_file(url: str) -> Path | None:
    """Returns the file of an SQLite database; None for a database server."""
    return _locate(url).file


def make_file(path: Path) -> None:
    """Creates an SQLite file with all its tables unless it exists."""
    if path.exists():
        return

    def build(beside: Path) -> None:
        if newest := _NEWEST_TABLES.get(optuna.__version__):
            mark_version(beside, newest)
        # Nobody sees the file until it is complete, so it is synced once and not for each table.
        options = {"creator": lambda: connect_unsynced(beside)}
        storage = _open(f"sqlite:///{beside}", options)
        tune(storage.engine)
        make_lease_table(storage.engine)
        storage.remove_session()
        storage.engine.dispose()

    with _explained(str(path)):
        make_whole(path, build)


def _write_options(url: URL) -> dict[str, Any]:
    if url.get_backend_name() == "sqlite":
        return {"connect_args": {"timeout": BUSY_S}}
    # Replaces a connection that an outage has cut, so that the next write does not fail.
    options: dict[str, Any] = {"pool_pre_ping": True, "pool_recycle": 1800, "pool_size": 2}
    if url.get_driver_name() in ("psycopg", "psycopg2", "pymysql", "mysqldb"):
        options["connect_args"] = {"connect_timeout": CONNECT_S}
    return options


def _read_options(place: _Place) -> dict[str, Any]:
    file = place.file
    if file is None:
        return _write_options(place.parsed)
    # Each connection checks again whether another process writes.
    return {"creator": lambda: connect_read_only(file), "poolclass": NullPool}
