"""How a command ends: its exit code, and a sentence in place of a traceback where one will do."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable

from cyclopts import CycloptsError

from hpsearch.commands.exit_codes import BROKEN_PIPE, DONE, FAILED, INTERRUPTED, USAGE_ERROR
from hpsearch.errors import InputError, SearchError
from hpsearch.search.quiet import quiet
from hpsearch.studyfile.diagnostics import StudyFileError

_OF_THE_MACHINE = {
    errno.ENOSPC: "the disk is full; make room and give the same command again",
    errno.EDQUOT: "your share of the disk is used up; make room and give the same command again",
    errno.EACCES: "no permission to write or read there",
    errno.EPERM: "no permission to write or read there",
    errno.EROFS: "that disk is read-only",
}


def run_guarded(command: Callable[[], object]) -> int:
    """Runs a command; returns its exit code.

    What a person can put right is printed as a sentence on stderr; only a bug leaves as an
    exception.
    """
    try:
        with quiet():
            code = command()
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # What is still buffered must not be written at exit, where it would fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except Exception as error:
        words = complaint(error)
        if words is None:
            raise
        print(words, file=sys.stderr)
        return USAGE_ERROR if isinstance(error, InputError | CycloptsError | OSError) else FAILED
    finally:
        _close_databases()
    return code if isinstance(code, int) else DONE


def _close_databases() -> None:
    """Leaves each SQLite file whole by itself; commands that need no database load none."""
    store = sys.modules.get("hpsearch.search.store")
    if store is not None and hasattr(store, "close_all"):
        store.close_all()


def complaint(error: Exception) -> str | None:
    """Returns what to print for an error, or None if it is a bug and its traceback is wanted."""
    if isinstance(error, StudyFileError):
        # Its lines say already where they are, and that they are errors.
        return error.unseen
    if isinstance(error, InputError):
        return f"error: {error}"
    if isinstance(error, CycloptsError | SearchError):
        return f"error: {error}"
    if isinstance(error, json.JSONDecodeError):
        # Optuna reads the attributes of every study to find one by its name.
        return (
            f"error: an attribute of a study in the database is not JSON ({error}); restore a copy"
            " of the database, or put the attribute right in it"
        )
    if _is_of_the_database(error):
        from hpsearch.search.store import reason_of

        return f"error: the database failed: {reason_of(error)}; put it right and try again"
    if isinstance(error, OSError) and error.errno in _OF_THE_MACHINE:
        place = f"{error.filename}: " if error.filename else ""
        return f"error: {place}{_OF_THE_MACHINE[error.errno]}"
    return None


def _is_of_the_database(error: Exception) -> bool:
    """Tells by name: SQLAlchemy is not loaded for commands that need no database."""
    names = {base.__name__ for base in type(error).__mro__}
    return bool(names & {"SQLAlchemyError", "StorageInternalError"})
