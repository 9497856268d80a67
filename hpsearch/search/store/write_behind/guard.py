"""What a running search does when its database is deleted, replaced or restored.

The search has its whole study in memory. It writes everything again if the database is gone or was
replaced by an older copy. If another database has taken its place, the search stops with an error.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import sqlalchemy as sa
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial
from sqlalchemy.exc import SQLAlchemyError

from hpsearch.search.store.create import insert_study_row
from hpsearch.search.store.database import database_file, make_file, redact
from hpsearch.search.store.keys import ID
from hpsearch.search.store.lease import Lease, find_owner
from hpsearch.search.store.sqlite_file import FileIdentity, FileState, is_blank
from hpsearch.search.store.tables import Ids, read_trials, write
from hpsearch.search.store.write_behind.queue import Replaced
from hpsearch.search.store.write_behind.storage import WriteBehindStorage

WATCH_S = 2.0


class DatabaseGuard:
    """Notices that the database is no longer the same, and writes the study again.

    Args:
        storage: the database.
        memory: the study in its owner's memory.
        lease: the ownership of the study.
    """

    def __init__(self, storage: RDBStorage, memory: WriteBehindStorage, lease: Lease) -> None:
        self._storage = storage
        self._memory = memory
        self._lease = lease
        file = database_file(storage.url)
        self._identity = FileIdentity.of(file) if file else None
        self._checked = time.monotonic()

    @property
    def engine(self) -> sa.Engine:
        """The database."""
        return self._storage.engine

    def is_changed(self) -> bool:
        """Returns whether the file was replaced or is gone; looks at most every two seconds."""
        if self._identity is None or time.monotonic() - self._checked < WATCH_S:
            return False
        self._checked = time.monotonic()
        return self._identity.check() != "same"

    def restore(self) -> tuple[Ids, str]:
        """Writes the whole study again; returns the trials' new ids and what happened, in words.

        Raises:
            Replaced: the database holds other studies, or another search has changed this one.
            SQLAlchemyError, OSError: it cannot be written.
        """
        state = self._state()
        shown = redact(self._storage.url)
        self._storage.remove_session()
        self.engine.dispose()
        if self._identity is not None and state in ("deleted", "emptied"):
            self._remake(self._identity.path, state)
            # Another thread may have opened the file that was here for a moment.
            self.engine.dispose()
            words = f"the database {shown} was {state}"
            more = "; what else it held is lost: restore that from a copy"
        else:
            words, more = f"the database {shown} was replaced by an older copy", ""
            self._check_copy(shown)
        ids = self._write_all(insert=state in ("deleted", "emptied"))
        if self._identity is not None:
            self._identity = FileIdentity.of(self._identity.path)
        return ids, f"{words}: all rows of this study are written again{more}"

    def _state(self) -> FileState:
        """Returns what has become of the file.

        A file without studies does not count as another database: a connection creates an empty
        file, and a restore that failed leaves only the tables.
        """
        if self._identity is None:
            return "same"
        state = self._identity.check()
        with suppress(sqlite3.Error, OSError):
            if state == "replaced" and is_blank(self._identity.path):
                return "emptied"
        return state

    def _remake(self, file: Path, state: str) -> None:
        if not file.parent.is_dir():
            raise Replaced(
                f"the folder of the database {file} is gone: put it back and resume the study"
            )
        if state == "emptied":
            file.unlink()
        make_file(file)

    def _check_copy(self, shown: str) -> None:
        """Raises Replaced if the database does not hold an older state of this study."""
        name, number = self._memory.name, self._memory.stored_id
        advice = (
            "put the original file back and resume the study, or rebuild it from its folder:"
            f" hpsearch fsck {name} --rebuild --storage URL"
        )
        try:
            stored_id = self._storage.get_study_id_from_name(name)
            same = self._storage.get_study_user_attrs(stored_id).get(ID) == self._memory.attribute(
                ID
            )
            trials = read_trials(self.engine, stored_id)
        except (KeyError, SQLAlchemyError, ValueError, LookupError):
            raise Replaced(
                f"the database {shown} was replaced by one without the study {name}: {advice}"
            ) from None
        if stored_id != number or not same:
            raise Replaced(
                f"the database {shown} was replaced by one with another study {name}: {advice}"
            )
        if find_owner(self.engine, stored_id, but=self._lease) is not None or _contradict(
            trials, self._memory.trials()
        ):
            raise Replaced(
                f"another search has changed the study {name} in {shown} meanwhile: nothing was"
                " written to it"
            )

    def _write_all(self, *, insert: bool) -> Ids:
        ids: Ids = {}
        with self.engine.begin() as connection:
            if insert:
                memory = self._memory
                insert_study_row(connection, memory.stored_id, memory.name, memory.directions)
            self._lease.reinstate(connection)
            write(connection, self._memory.everything(), ids)
        return ids


def _contradict(stored: Sequence[FrozenTrial], known: Sequence[FrozenTrial]) -> bool:
    """Returns whether the stored trials cannot be an earlier state of the known ones."""
    if len(stored) > len(known):
        return True
    return any(_differ(a, b) for a, b in zip(stored, known, strict=False))


def _differ(stored: FrozenTrial, known: FrozenTrial) -> bool:
    if any(known.params.get(name) != value for name, value in stored.params.items()):
        return True
    finished = stored.state.is_finished()
    return finished and (stored.state, stored.values) != (known.state, known.values)
