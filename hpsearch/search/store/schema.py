"""The tables of a study's database: whether they are ours, what each server needs, what it says."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from hpsearch.errors import InputError
from hpsearch.internals.optuna import TABLES
from hpsearch.search.store.sqlite_file import BUSY_S

ATTEMPTS = 5
# How SQLite says it, then PostgreSQL and MySQL.
MADE_MEANWHILE = (
    *("UNIQUE constraint", "already exists", "duplicate key", "Duplicate entry"),
    *("duplicate column", "Duplicate column"),
)

# In the words of SQLite, PostgreSQL and MariaDB; the first that fits counts.
_ADVICE = {
    "database disk image is malformed": "`hpsearch fsck NAME` says what to do",
    "disk I/O error": "see whether its disk is full (df), or fails (the system's log, dmesg)",
    "Unknown database|database .* does not exist": (
        "make it on the server first, or name one that is there"
    ),
    "permission denied for|command denied|Access denied .* to database": (
        "its user must be allowed to make tables there, and to write to them"
    ),
    "Access denied|authentication failed|no password supplied|role .* does not exist": (
        "see whether $HPSEARCH_STORAGE has the right user and password; %40 is an @ in them"
    ),
    "[Tt]oo many (connections|clients)|connection slots are reserved": (
        "raise the server's max_connections, or end other programs that use it"
    ),
    "refused|Can't connect|could not translate|[Tt]imed? ?out|failed to resolve": (
        "see whether the server runs, and whether host and port are right"
    ),
}

_metadata = sa.MetaData()
# Who runs a study. A table of our own, since Optuna's attributes have no compare-and-set.
# `until` is a time of the database's own clock; `batch` counts the owner's writes.
leases = sa.Table(
    "hpsearch_lease",
    _metadata,
    sa.Column("study_id", sa.Integer, primary_key=True),
    sa.Column("token", sa.String(64), nullable=False),
    sa.Column("host", sa.String(255), nullable=False),
    sa.Column("boot", sa.String(64), nullable=False),
    sa.Column("namespace", sa.String(64), nullable=False, server_default=""),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("started", sa.Double, nullable=False),
    sa.Column("until", sa.Double, nullable=False),
    sa.Column("batch", sa.Integer, nullable=False, server_default="0"),
)
_ADDED = ("namespace", "batch")  # columns that earlier versions lack

Made = TypeVar("Made")

# Without these there is no study to read; there are more, of Optuna's and ours.
_NEEDED = {"studies", "trials", "study_user_attributes", "version_info", "alembic_version"}
_KNOWN = {*TABLES, "alembic_version", "hpsearch_lease"}
EXACT = "utf8mb4_bin"  # MySQL's collation that compares character by character


def has_studies(tables: set[str], shown: str, *, alone: bool) -> bool:
    """Returns whether a database has the tables of studies; False if they have yet to be created.

    Args:
        tables: the names of the tables it has.
        shown: its URL, for the message.
        alone: whether it can only hold the tables of one program, as a file; a server's database
            may be shared.

    Raises:
        InputError: it belongs to another program, or another program's tables have our names.
    """
    if tables >= _NEEDED:
        return True
    foreign, ours = tables - _KNOWN, tables & _KNOWN
    # A kill can leave only some of our tables, but never the last one without the others.
    if (foreign and (alone or ours)) or "alembic_version" in ours:
        some = ", ".join(sorted(foreign or ours)[:3])
        raise InputError(
            f"the database {shown} belongs to another program (it has the tables {some});"
            " name another with --storage"
        )
    return False


def tune(engine: sa.Engine) -> None:
    """Configures a database to be safe and fast for a search, depending on its kind."""
    if engine.dialect.name == "sqlite":
        _tune_sqlite(engine)
    elif engine.dialect.name in ("mysql", "mariadb"):
        _fit_mysql(engine)


def make_tables(make: Callable[[], Made]) -> Made:
    """Calls a function that creates missing tables, and returns its result.

    If another process creates the same tables at the same time, one of the two fails and tries
    again.
    """
    for attempt in range(ATTEMPTS):
        try:
            return make()
        except DBAPIError as error:
            if not any(text in str(error.orig) for text in MADE_MEANWHILE):
                raise
            time.sleep(random.uniform(0.1, 0.3) * (attempt + 1))
    return make()


def make_lease_table(engine: sa.Engine) -> None:
    """Creates the table of leases, or adds what an earlier version's lacks."""
    make_tables(lambda: _metadata.create_all(engine))
    make_tables(lambda: _complete_leases(engine))


def _complete_leases(engine: sa.Engine) -> None:
    columns = {column["name"]: column for column in sa.inspect(engine).get_columns(leases.name)}
    create = sa.schema.CreateColumn
    missing = [leases.c[name] for name in _ADDED if name not in columns]
    statements = [
        f"ALTER TABLE {leases.name} ADD COLUMN {create(column).compile(engine)}"
        for column in missing
    ]
    if engine.dialect.name in ("mysql", "mariadb"):
        # Its FLOAT has seven digits, which gives a time only to within two minutes.
        statements += [
            f"ALTER TABLE {leases.name} MODIFY {name} DOUBLE NOT NULL"
            for name in ("started", "until")
            if type(columns[name]["type"]).__name__ == "FLOAT"
        ]
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))


def clock(engine: sa.Engine) -> sa.ColumnElement[float]:
    """Returns SQL for the database's own time in seconds since 1970: one clock for all hosts."""
    texts = {
        "sqlite": "(julianday('now') - 2440587.5) * 86400.0",
        "postgresql": "CAST(extract(epoch FROM clock_timestamp()) AS double precision)",
    }
    # Not unix_timestamp(now()), which repeats an hour when daylight saving time ends.
    mysql = "timestampdiff(microsecond, '1970-01-01', utc_timestamp(6)) / 1e6"
    return sa.literal_column(texts.get(engine.dialect.name, mysql))


def _tune_sqlite(engine: sa.Engine) -> None:
    """Sets write-ahead logging, so that readers (the dashboard) never block the search."""
    with engine.connect() as connection:
        connection.execute(sa.text("PRAGMA journal_mode=WAL"))

    @sa.event.listens_for(engine, "connect")
    def set_pragmas(connection: Any, _: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.execute(f"PRAGMA busy_timeout={BUSY_S * 1000}")
        cursor.close()

    engine.dispose()


def _fit_mysql(engine: sa.Engine) -> None:
    """Changes MySQL's columns to hold the same values as those of other servers.

    Its TEXT holds at most 64 KiB, its DATETIME whole seconds, and it ignores case and accents when
    it compares names, so that `Width` and `width` would be one parameter.
    """
    query = (
        "SELECT table_name, column_name, data_type, collation_name, datetime_precision"
        " FROM information_schema.columns WHERE table_schema = database()"
    )
    with engine.connect() as connection:
        found = {
            (table, column): kind for table, column, *kind in connection.execute(sa.text(query))
        }
    statements = [
        f"ALTER TABLE {table.name} MODIFY `{column.name}` {wanted}"
        f"{'' if column.nullable else ' NOT NULL'}"
        for table in TABLES.values()
        for column in table.columns
        for wanted in _mysql_type(column.type, *found.get((table.name, column.name), ()))
    ]
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))


def _mysql_type(
    wanted: Any, there: str = "", collation: str | None = None, digits: int | None = None
) -> list[str]:
    """Returns the type that a column must get; empty if its type is right or it does not exist.

    Args:
        wanted: the type that Optuna asks for.
        there: its type in the database.
        collation: how it compares texts.
        digits: of its fractional seconds.
    """
    if there == "text":
        return ["LONGTEXT CHARACTER SET utf8mb4"]
    if there == "varchar" and collation != EXACT:
        return [f"VARCHAR({wanted.length}) CHARACTER SET utf8mb4 COLLATE {EXACT}"]
    return ["DATETIME(6)"] if there == "datetime" and digits != 6 else []


def reason_of(error: BaseException) -> str:
    """Returns a database driver's message in one line, without the errors that wrap it."""
    while error.__cause__ is not None:
        error = error.__cause__
    error = getattr(error, "orig", None) or error
    # PyMySQL's errors are a number and a text.
    words = error.args[1] if len(error.args) == 2 and isinstance(error.args[0], int) else error
    lines = str(words).strip().splitlines()
    reason = lines[0] if lines else type(error).__name__
    advice = next((advice for part, advice in _ADVICE.items() if re.search(part, reason)), "")
    return f"{reason}; {advice}" if advice else reason
