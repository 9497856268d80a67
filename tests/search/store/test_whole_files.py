"""SQLite files after a command: complete, and unchanged if they are not its own."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import optuna
import pytest

from hpsearch.errors import InputError
from hpsearch.search.store import close_storage, list_studies, open_storage, read_storage
from hpsearch.search.store.sqlite_file import make_whole


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A database with a study of Optuna's, closed as a command leaves it."""
    file = tmp_path / "a.db"
    storage = open_storage(f"sqlite:///{file}")
    optuna.create_study(storage=storage, study_name="tiny")
    close_storage(storage)
    return file


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_closed_database_is_whole_in_one_file(made: Path, tmp_path: Path) -> None:
    assert names(tmp_path) == ["a.db"]
    (tmp_path / "other").mkdir()
    copy = shutil.copy(made, tmp_path / "other")

    assert optuna.get_all_study_names(read_storage(f"sqlite:///{copy}")) == ["tiny"]


def test_it_is_whole_beside_a_reader_that_keeps_its_log_open(made: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(made)) as reader:
        reader.execute("SELECT * FROM studies").fetchall()
        storage = open_storage(f"sqlite:///{made}")
        optuna.create_study(storage=storage, study_name="second")
        close_storage(storage)
        copy = shutil.copy(made, tmp_path / "copy.db")

    assert optuna.get_all_study_names(read_storage(f"sqlite:///{copy}")) == ["tiny", "second"]


def test_reading_changes_nothing(made: Path, tmp_path: Path) -> None:
    before = made.read_bytes(), made.stat().st_mtime_ns

    assert list_studies(read_storage(f"sqlite:///{made}")).studies == ()

    assert (made.read_bytes(), made.stat().st_mtime_ns) == before
    assert names(tmp_path) == ["a.db"]


def test_reading_sees_what_a_writer_has_in_its_log(made: Path) -> None:
    writer = open_storage(f"sqlite:///{made}")
    optuna.create_study(storage=writer, study_name="newest")

    assert "newest" in optuna.get_all_study_names(read_storage(f"sqlite:///{made}"))


def test_a_database_in_a_folder_that_cannot_be_written_is_read(made: Path) -> None:
    made.chmod(0o444)
    made.parent.chmod(0o555)
    try:
        assert optuna.get_all_study_names(read_storage(f"sqlite:///{made}")) == ["tiny"]
    finally:
        made.parent.chmod(0o755)


STRANGERS = {
    "photos": "CREATE TABLE photos (id INTEGER PRIMARY KEY, title TEXT);",
    "experiments": """
        CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY);
        INSERT INTO alembic_version VALUES ('bd07f7e963c5');
        CREATE TABLE experiments (experiment_id INTEGER PRIMARY KEY, name TEXT);
        """,
}


@pytest.mark.parametrize("way", [read_storage, open_storage], ids=["to read", "to write"])
@pytest.mark.parametrize("tables", STRANGERS.values(), ids=STRANGERS.keys())
def test_the_database_of_another_program_is_left_alone(
    tmp_path: Path, tables: str, way: Callable[[str], object]
) -> None:
    file = tmp_path / "theirs.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(tables)
    before = file.read_bytes()

    with pytest.raises(InputError, match=r"theirs.db belongs to another program \(it has the"):
        way(f"sqlite:///{file}")

    assert file.read_bytes() == before
    assert names(tmp_path) == ["theirs.db"]


def test_an_empty_file_holds_no_study_and_may_be_filled(tmp_path: Path) -> None:
    file = tmp_path / "empty.db"
    file.touch()
    with pytest.raises(InputError, match="is empty; start a search there with `hpsearch run`"):
        read_storage(f"sqlite:///{file}")
    assert file.stat().st_size == 0

    assert optuna.get_all_study_names(open_storage(f"sqlite:///{file}")) == []


def test_a_file_is_made_whole_or_not_at_all(tmp_path: Path) -> None:
    def killed(beside: Path) -> None:
        beside.write_text("a part")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_whole(tmp_path / "a.db", killed)
    assert not (tmp_path / "a.db").exists()

    open_storage(f"sqlite:///{tmp_path}/a.db")
    assert not list(tmp_path.glob("*.new*"))


def test_the_log_of_a_file_that_was_deleted_is_not_taken_for_the_new_one(tmp_path: Path) -> None:
    storage = open_storage(f"sqlite:///{tmp_path}/a.db")
    optuna.create_study(storage=storage, study_name="old")
    (tmp_path / "a.db").unlink()
    assert (tmp_path / "a.db-wal").exists()

    assert optuna.get_all_study_names(open_storage(f"sqlite:///{tmp_path}/a.db")) == []
