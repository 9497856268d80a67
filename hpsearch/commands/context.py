"""What most commands share: opening a database, printing, naming the next command.

Optuna is imported inside functions, so that `--help` loads neither it nor torch.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hpsearch.errors import InputError
from hpsearch.protocol.regular_file import what_else
from hpsearch.views.formatting import command

if TYPE_CHECKING:
    from optuna.storages import RDBStorage
    from rich.console import Console

    from hpsearch.search.store import StoredStudy, StudyRecord, TrialRecord


def report(line: str) -> None:
    """Prints a line that a person should see at once, on stderr."""
    print(line, file=sys.stderr, flush=True)


def report_contradictions(*studies: StudyRecord) -> None:
    """Reports which values are not shown because the trials' own records contradict them."""
    for study in studies:
        if study.contradictions:
            report(f"{study.name}: {study.contradiction_words}")


def open_database(storage: str | None) -> RDBStorage:
    """Opens the database that the command names, or the default, for reading."""
    from hpsearch.search.store import default_url, read_storage

    return read_storage(storage or default_url())


def open_named(name: str, storage: str | None, *, write: bool = False) -> StoredStudy:
    """Returns a study of the database that the command names, for reading or writing."""
    from hpsearch.search.store import default_url, open_storage, open_study

    if write:
        return open_study(open_storage(storage or default_url(), create=False), name)
    return open_study(open_database(storage), name)


def pick_trial(study: StudyRecord, which: str) -> TrialRecord:
    """Returns a trial of a study by its number, or the one that is `best`.

    Raises:
        InputError: there is no such trial.
    """
    from hpsearch.search.model import numbered

    if which == "best":
        if study.best is None:
            raise InputError(
                f"no trial of {study.name} is complete yet; hpsearch status {study.name}"
            )
        return study.best
    return numbered(study, int(which))


def open_trusted(
    name: str, storage: str | None, *, trust: bool, write: bool = False
) -> StoredStudy:
    """Returns a study whose code may run: only the user could have written it, or allows it."""
    from hpsearch.search.file import require_trust_in_study

    stored = open_named(name, storage, write=write)
    require_trust_in_study(stored, report, trust=trust)
    return stored


def console() -> Console:
    """Returns the screen, or the pipe, that the command prints to."""
    from hpsearch.views.console import open_console

    return open_console()


def check_target(path: Path) -> None:
    """Raises InputError, before anything else is done, if a file cannot be written there."""
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise InputError(f"{path} cannot be written: name a file in a folder that exists")
    folder = path.resolve().parent
    if not what_else(path) and not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"{path} cannot be written: you may not write to the folder {folder}")


def say_next(*words: object, **options: object) -> None:
    """Prints the next command."""
    print(f"\nnext: {command(*words, **options)}")


def continuing(study: StudyRecord, **options: object) -> str:
    """Returns the command that continues a study.

    A confirmation continues, and ends with its result, by the command for its search.

    Args:
        study: its record.
        **options: of the command.
    """
    from hpsearch.search.store.keys import FINALIST, REPEAT

    if study.confirms is None or not study.trials:
        return command("resume", study.name, **options)
    runs = [trial.attributes for trial in study.trials]
    top = len({run.get(FINALIST) for run in runs})
    seeds = max(run.get(REPEAT) or 1 for run in runs)
    return command("confirm", study.confirms, top=top, seeds=seeds, **options)


def say_what_is_left(study: StudyRecord, storage: str | None) -> None:
    """Prints the command that continues a study, or shows the best trial if none is left to train.

    Args:
        study: its record, as it was read.
        storage: the database that the command names.
    """
    if study.moved is not None:
        say_next("status", study.name, storage=study.moved)
    elif study.state == "paused":
        say_next("control", study.name, "resume", storage=storage)
    elif study.state in ("interrupted", "new") or (study.confirms and study.state == "done"):
        print(f"\nnext: {continuing(study, storage=storage)}")
    elif study.best is not None:
        say_next("show", study.name, study.best.number, storage=storage)


def say_next_step(stored: StoredStudy, study: StudyRecord, storage: str | None) -> None:
    """Prints what follows once a study is done: confirm its winner, then export it.

    Args:
        stored: the study.
        study: its record, as it was read.
        storage: the database that the command names.
    """
    from hpsearch.search.store.keys import CONFIRMS

    is_over = study.state == "done" and study.moved is None and study.best is not None
    if CONFIRMS in stored.study.user_attrs or not is_over:
        return
    say_next("export" if study.confirmation else "confirm", study.name, storage=storage)
