"""A database that is deleted, emptied, replaced or put back under a running search."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import optuna
import pytest
import sqlalchemy as sa
from optuna.distributions import FloatDistribution
from optuna.storages import RDBStorage

from hpsearch.search.store.database import close_storage, make_file, open_storage
from hpsearch.search.store.lease import take_lease
from hpsearch.search.store.write_behind import (
    DatabaseGuard,
    DatabaseUnavailableError,
    WriteBehindQueue,
    WriteBehindStorage,
    buffer_writes,
    guard,
)


class Running:
    """A study that a search has in memory, and its database."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "study.db"
        self.storage: RDBStorage = open_storage(f"sqlite:///{self.file}")
        self.stored = optuna.create_study(storage=self.storage, study_name="tiny")
        self.stored.set_user_attr("hpsearch:id", "one")
        self.lease = take_lease(self.storage.engine, self.stored._study_id, "tiny")
        self.writes = WriteBehindQueue(self.storage.engine, self.lease)
        self.buffered = buffer_writes(self.stored, self.writes)
        memory = self.buffered._storage
        assert isinstance(memory, WriteBehindStorage)
        self.writes.guard = DatabaseGuard(self.storage, memory, self.lease)
        self.train(3)
        self.trial = self.buffered.ask({"x": FloatDistribution(0, 1)})
        self.trial.report(0.5, 1)
        assert self.writes.flush(10)

    def train(self, trials: int) -> None:
        for _ in range(trials):
            trial = self.buffered.ask({"x": FloatDistribution(0, 1)})
            trial.report(trial.params["x"], 1)
            trial.set_user_attr("facts", [1, 2])
            self.buffered.tell(trial, trial.params["x"])

    def copy(self, to: Path) -> Path:
        """Puts a copy of the database aside, as SQLite's own backup makes it."""
        with self.storage.engine.connect() as connection:
            connection.execute(sa.text(f"VACUUM INTO '{to}'"))
        return to

    def remove(self) -> None:
        for path in self.file.parent.glob("study.db*"):
            path.unlink()

    def check(self) -> None:
        """Continues, and compares the file with the memory."""
        self.trial.report(0.7, 2)
        self.buffered.tell(self.trial, 0.7)
        assert self.writes.flush(10)
        close_storage(self.storage)
        again = optuna.load_study(study_name="tiny", storage=open_storage(f"sqlite:///{self.file}"))
        assert again.user_attrs == self.buffered.user_attrs
        for stored, known in zip(again.trials, self.buffered.trials, strict=True):
            assert (stored.params, stored.values) == (known.params, known.values)
            assert stored.intermediate_values == known.intermediate_values
            assert (stored.state, stored.user_attrs) == (known.state, known.user_attrs)


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    monkeypatch.setattr(guard, "WATCH_S", 0.0)
    running = Running(tmp_path)
    with running.writes:
        yield running


def test_a_file_that_is_deleted_is_made_again_with_all_rows(running: Running) -> None:
    running.remove()

    running.check()

    (note,) = running.writes.notes
    assert note.endswith(
        "study.db was deleted: all rows of this study are written again; what else it held is lost:"
        " restore that from a copy"
    )


def test_a_file_that_is_emptied_is_made_again_with_all_rows(running: Running) -> None:
    running.file.write_bytes(b"")

    running.check()
    assert "study.db was emptied: all rows of this study" in running.writes.notes[0]


def leave_empty_file(file: Path) -> None:
    """Leaves what a connection makes that finds no file."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")


@pytest.mark.parametrize("leave", [leave_empty_file, make_file])
def test_a_file_without_studies_in_its_place_is_not_another_database(
    running: Running, leave: Callable[[Path], None]
) -> None:
    running.remove()
    leave(running.file)

    running.check()
    assert "study.db was emptied: all rows of this study" in running.writes.notes[0]


def test_a_connection_that_is_opened_while_the_file_is_made_again_is_not_used(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by the thread that looks for commands."""
    running.remove()
    remake = DatabaseGuard._remake

    def meanwhile(guard: DatabaseGuard, file: Path, state: str) -> None:
        with guard.engine.connect() as connection:
            connection.execute(sa.text("SELECT 1"))
        remake(guard, file, "emptied" if file.exists() else state)

    monkeypatch.setattr(DatabaseGuard, "_remake", meanwhile)

    running.check()
    assert len(running.writes.notes) == 1


def test_a_project_that_is_moved_while_it_runs_keeps_its_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The current folder moves, too: the path study.db leads to the file in the new place."""
    monkeypatch.setattr(guard, "WATCH_S", 0.0)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)
    running = Running(Path())
    close_storage(running.storage)
    moved = home.rename(tmp_path / "moved")
    before = (moved / "study.db").stat()
    home.mkdir()  # by a trial, which writes its reports there
    leave_empty_file(home / "study.db")  # by a connection that finds no file
    with running.writes:
        running.trial.report(0.7, 2)
        assert running.writes.flush(10)
    close_storage(running.storage)
    assert "study.db was emptied: all rows of this study" in running.writes.notes[0]
    assert (moved / "study.db").stat() == before
    again = optuna.load_study(study_name="tiny", storage=f"sqlite:///{home}/study.db")
    assert len(again.trials) == 4


def test_an_older_copy_in_its_place_is_brought_up_to_date(running: Running, tmp_path: Path) -> None:
    copy = running.copy(tmp_path / "copy.db")
    running.train(2)
    assert running.writes.flush(10)
    running.remove()
    shutil.move(copy, running.file)

    running.check()
    (note,) = running.writes.notes
    assert note.endswith(
        "study.db was replaced by an older copy: all rows of this study are written again"
    )


def test_a_server_that_forgets_its_newest_rows_is_brought_up_to_date(running: Running) -> None:
    """As after a failover to a replica that was behind: no file tells of it."""
    running.train(2)
    assert running.writes.flush(10)
    with running.storage.engine.begin() as connection:
        connection.execute(sa.text("UPDATE hpsearch_lease SET batch = 1"))
        for table in ("trial_params", "trial_values", "trial_user_attributes"):
            connection.execute(sa.text(f"DELETE FROM {table} WHERE trial_id > 4"))
        connection.execute(sa.text("DELETE FROM trial_intermediate_values WHERE trial_id > 4"))
        connection.execute(sa.text("DELETE FROM trials WHERE trial_id > 4"))

    running.check()


def test_another_database_in_its_place_is_left_alone(running: Running, tmp_path: Path) -> None:
    other = open_storage(f"sqlite:///{tmp_path}/other.db")
    optuna.create_study(storage=other, study_name="photos")
    close_storage(other)
    running.remove()
    shutil.move(tmp_path / "other.db", running.file)
    before = running.file.read_bytes()
    running.trial.report(0.7, 2)

    with pytest.raises(
        DatabaseUnavailableError, match=r"was replaced by one without the study tiny: put the"
    ):
        running.writes.flush(10)
    assert running.file.read_bytes() == before


def test_what_another_search_has_changed_since_is_left_alone(
    running: Running, tmp_path: Path
) -> None:
    copy = running.copy(tmp_path / "copy.db")
    running.train(1)
    assert running.writes.flush(10)
    elsewhere = open_storage(f"sqlite:///{copy}")
    optuna.load_study(study_name="tiny", storage=elsewhere).add_trial(
        optuna.create_trial(
            params={"x": 0.123}, distributions={"x": FloatDistribution(0, 1)}, value=9
        )
    )
    close_storage(elsewhere)
    running.remove()
    shutil.move(copy, running.file)
    running.trial.report(0.7, 2)

    with pytest.raises(DatabaseUnavailableError, match="another search has changed the study tiny"):
        running.writes.flush(10)


def test_a_change_is_noticed_within_seconds() -> None:
    assert guard.WATCH_S <= 2.0
