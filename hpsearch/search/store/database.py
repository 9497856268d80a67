"""The database a study lives in: where it is, and how it is opened."""

from __future__ import annotations

import logging
import os
import random
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote_plus

import optuna
import sqlalchemy
from optuna.storages import RDBStorage
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from hpsearch.errors import InputError
from hpsearch.search.store.file_system import refuse_network

DEFAULT_URL = "sqlite:///hpsearch.db"
BUSY_S = 60
CONNECT_S = 10
ATTEMPTS = 5
# SQLite's words, then those that PostgreSQL and MySQL have for it.
MADE_MEANWHILE = ("UNIQUE constraint", "already exists", "duplicate key", "Duplicate entry")

_SECRET = re.compile("pass|pwd|secret|token", re.IGNORECASE)
_HOST = re.compile(r"[\w.,-]*|[\da-fA-F:.]+(%\w+)?")

Made = TypeVar("Made")


def default_url() -> str:
    """Returns `$HPSEARCH_STORAGE`, or the SQLite file `hpsearch.db` in the current folder."""
    return os.environ.get("HPSEARCH_STORAGE") or DEFAULT_URL


def redact(url: str) -> str:
    """Returns the URL without its passwords, fit to be printed."""
    parsed = _parse(url)
    if parsed is None:
        return "a URL that cannot be read"
    hidden = {key: "***" for key in parsed.query if _SECRET.search(key)}
    shown = parsed.update_query_dict(hidden).render_as_string(hide_password=True)
    shown = shown.replace(quote_plus("***"), "***")
    return shown if shown.isprintable() else ascii(shown)[1:-1]


def open_storage(url: str, *, create: bool = True) -> RDBStorage:
    """Opens the database, and makes its tables if there are none.

    Args:
        url: an SQLAlchemy URL: `sqlite:///file.db` or `postgresql+psycopg://...`.
        create: whether a SQLite file that does not exist may be made.

    Raises:
        InputError: the URL is no URL, or the database behind it cannot be opened.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # The pool logs a traceback for each connection that breaks; the error itself is told.
    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)
    shown, parsed = redact(url), _parse(url)
    if parsed is None:
        raise InputError(
            "--storage: not a database URL; write sqlite:///hpsearch.db or"
            " postgresql+psycopg://user@host/database, with %40 for an @ within a password"
        )
    sqlite = parsed.get_backend_name() == "sqlite"
    if sqlite:
        _check_file(parsed.database, shown, create)
    try:
        storage = make_tables(lambda: _open(url, parsed))
    except (SQLAlchemyError, NoSuchModuleError, ImportError) as error:
        raise InputError(f"the database {shown} cannot be opened: {reason_of(error)}") from error
    except Exception as error:
        raise InputError(f"the database {shown} cannot be used: {reason_of(error)}") from error
    if sqlite:
        _tune_sqlite(storage.engine)
    return storage


def make_tables(make: Callable[[], Made]) -> Made:
    """Returns what `make` does, which makes tables where there are none.

    Where another process makes the same ones meanwhile, one of the two fails: it tries again.
    """
    for attempt in range(ATTEMPTS):
        try:
            return make()
        except DBAPIError as error:
            if not any(text in str(error.orig) for text in MADE_MEANWHILE):
                raise
            time.sleep(random.uniform(0.1, 0.3) * (attempt + 1))
    return make()


def _open(url: str, parsed: URL) -> RDBStorage:
    # Optuna fills `{SCHEMA_VERSION}` into the URL; other braces would break that.
    return RDBStorage(
        url.replace("{", "{{").replace("}", "}}"), engine_kwargs=_engine_options(parsed)
    )


def _parse(url: str) -> URL | None:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # a port that is no number is a ValueError
        return None
    if parsed.get_backend_name() == "sqlite":
        return parsed
    # A stray @, or an escaped one, makes part of a password look like a host or a database.
    strange = not _HOST.fullmatch(parsed.host or "") or "@" in (parsed.database or "")
    return None if strange else parsed


def _check_file(database: str | None, shown: str, create: bool) -> None:
    if not database or database == ":memory:":
        raise InputError(
            f"{shown}: a study in memory cannot be resumed; write sqlite:///hpsearch.db"
        )
    path = Path(database)
    if path.is_dir():
        raise InputError(f"the database {shown} is a folder; name a file, as sqlite:///hpsearch.db")
    if not path.exists() and not create:
        raise InputError(
            f"there is no database {shown}; start a search there with `hpsearch run`, or name"
            " another with --storage"
        )
    if not path.parent.exists():
        raise InputError(f"the database {shown} cannot be made: there is no folder {path.parent}")
    refuse_network(path)
    # The file is not read here: closing it would drop the locks of this process's connections
    # (sqlite.org/howtocorrupt.html, section 2.2). SQLite says itself if it is no database.


def _engine_options(url: URL) -> dict[str, Any]:
    if url.get_backend_name() == "sqlite":
        return {"connect_args": {"timeout": BUSY_S}}
    # A connection that an outage has cut is replaced instead of failing the next write.
    options: dict[str, Any] = {"pool_pre_ping": True, "pool_recycle": 1800, "pool_size": 2}
    if url.get_driver_name() in ("psycopg", "psycopg2", "pymysql", "mysqldb"):
        options["connect_args"] = {"connect_timeout": CONNECT_S}
    return options


def _tune_sqlite(engine: sqlalchemy.Engine) -> None:
    """Sets write-ahead logging, so that readers (the dashboard) never block the search."""

    @sqlalchemy.event.listens_for(engine, "connect")
    def set_pragmas(connection: Any, _: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.execute(f"PRAGMA busy_timeout={BUSY_S * 1000}")
        cursor.close()

    engine.dispose()
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text("PRAGMA journal_mode=WAL"))


def reason_of(error: BaseException) -> str:
    """Returns in one line what a database driver says, from beneath the errors that wrap it."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = str(getattr(error, "orig", None) or error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
