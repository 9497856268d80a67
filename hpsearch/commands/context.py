"""What most commands begin and end with: a database, a screen, a word on what comes next.

Optuna is imported by what is called and not here, so that `--help` needs neither it nor torch.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hpsearch.errors import InputError
from hpsearch.views.formatting import command

if TYPE_CHECKING:
    from optuna.storages import RDBStorage
    from rich.console import Console

    from hpsearch.search.store import StudyRecord


def open_database(storage: str | None) -> RDBStorage:
    """Opens the database that the command names, or the default one; makes none."""
    from hpsearch.search.store import default_url, open_storage

    return open_storage(storage or default_url(), create=False)


def load_named(name: str, storage: str | None) -> StudyRecord:
    """Returns a study of the database as it stands."""
    from hpsearch.search.store import load_record

    return load_record(open_database(storage), name)


def console() -> Console:
    """Returns the screen, or the pipe, that the command prints to."""
    from hpsearch.views.live import open_console

    return open_console()


def check_target(path: Path) -> None:
    """Raises InputError if a file cannot be written there, before anything else is done."""
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise InputError(f"{path} cannot be written: name a file in a folder that exists")


def say_next(*words: object, **options: object) -> None:
    """Prints what to type next."""
    print(f"\nnext: {command(*words, **options)}")
