from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import optuna
import pytest
import sqlalchemy

from hpsearch.errors import InputError
from hpsearch.search.store.database import (
    _NEWEST_TABLES,
    default_url,
    make_file,
    open_storage,
    redact,
)
from hpsearch.search.store.schema import reason_of


def test_sqlite_is_written_ahead_so_that_readers_never_block_the_search(tmp_path: Path) -> None:
    storage = open_storage(f"sqlite:///{tmp_path}/a.db")

    with storage.engine.connect() as connection:
        mode = connection.execute(sqlalchemy.text("PRAGMA journal_mode")).scalar()
        timeout = connection.execute(sqlalchemy.text("PRAGMA busy_timeout")).scalar()
    assert (mode, timeout) == ("wal", 60_000)


def test_a_password_is_never_printed() -> None:
    assert redact("postgresql://me:secret@host/db") == "postgresql://me:***@host/db"
    assert redact("no url") == "a URL that cannot be read"
    nested = redact("postgresql+psycopg://me@host/db?options=-c%20password%3Dsecret")
    assert nested == "postgresql+psycopg://me@host/db?options=***"


def test_the_environment_names_the_default_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HPSEARCH_STORAGE", raising=False)
    assert default_url() == "sqlite:///hpsearch.db"
    monkeypatch.setenv("HPSEARCH_STORAGE", "sqlite:///other.db")
    assert default_url() == "sqlite:///other.db"


def test_anything_that_is_not_a_database_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("not a database, only a text")
    (tmp_path / "folder").mkdir()
    for url, message in {
        "other.db": "other.db: not a database URL; write sqlite:///other.db, ",
        "me:secret@host": "not a database URL; write sqlite:///hpsearch.db, ",
        f"sqlite:///{tmp_path}/text.db": "text.db cannot be opened: file is not a database",
        f"sqlite:///{tmp_path}/folder": "is a folder; name a file, as sqlite:///hpsearch.db",
        f"sqlite:///{tmp_path}/none/a.db": "cannot be made: there is no folder",
        "sqlite://": "a study in memory cannot be resumed",
        "nodatabase://host/db": "the database nodatabase://host/db cannot be opened",
        "mysql://me@host/db": "cannot be opened: No module named 'MySQLdb'; a server is reached"
        " with postgresql+psycopg://... (pip install 'hpsearch[postgresql]') or mysql+pymysql://...",
        "postgresql://me:secret@localhost:1/x": "the database postgresql://me:***@localhost:1/x"
        " cannot be opened",
        "mysql+pymysql://me@host": "mysql+pymysql://me@host: no database is named; write its name",
    }.items():
        with pytest.raises(InputError, match=re.escape(message)):
            open_storage(url)


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        ((1049, "Unknown database 'lab'"), "make it on the server first, or name one that is"),
        (('FATAL:  database "lab" does not exist',), "make it on the server first"),
        ((1045, "Access denied for user 'me'@'h' (using password: YES)"), "see whether $HPSEARCH_"),
        (('FATAL:  password authentication failed for user "me"',), "see whether $HPSEARCH_STOR"),
        ((1044, "Access denied for user 'me'@'h' to database 'lab'"), "its user must be allowed"),
        ((1142, "INSERT command denied to user 'me'@'h'"), "its user must be allowed to make"),
        (("permission denied for table studies",), "its user must be allowed to make tables"),
        ((1040, "Too many connections"), "raise the server's max_connections"),
        (("FATAL:  sorry, too many clients already",), "raise the server's max_connections"),
        ((2003, "Can't connect to MySQL server on 'db' (timed out)"), "see whether the server"),
        (("connection to server at 1, port 2 failed: Connection refused",), "see whether the ser"),
        (("disk I/O error",), "see whether its disk is full (df), or fails"),
        (("no such table: studies",), ""),
    ],
)
def test_what_a_driver_says_comes_with_what_to_do(words: tuple[object, ...], advice: str) -> None:
    driver = sqlalchemy.exc.DBAPIError("SELECT 1", {}, Exception(*words))

    said, _, added = reason_of(driver).partition("; ")

    assert said == words[-1], "the number of a MariaDB error says nothing to a person"
    assert added.startswith(advice)
    assert bool(added) == bool(advice)


def test_reading_does_not_create_a_database(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"there is no database .*a\.db; go to the folder that has"
    ):
        open_storage(f"sqlite:///{tmp_path}/a.db", create=False)
    assert not (tmp_path / "a.db").exists()


def test_the_newest_tables_of_this_optuna_are_those_that_are_listed(tmp_path: Path) -> None:
    storage = open_storage(f"sqlite:///{tmp_path}/a.db")

    newest = storage.get_head_version()
    assert _NEWEST_TABLES.get(optuna.__version__, newest) == newest == storage.get_current_version()


def test_a_new_file_is_the_same_as_optuna_alone_would_make_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = tmp_path / "ours.db", tmp_path / "theirs.db"
    make_file(ours)
    monkeypatch.setattr("hpsearch.search.store.database._NEWEST_TABLES", {})
    make_file(theirs)
    assert written_in(ours) == written_in(theirs)


def written_in(file: Path) -> set[str]:
    with closing(sqlite3.connect(file)) as connection:
        return {"".join(line.split()) for line in connection.iterdump()}
