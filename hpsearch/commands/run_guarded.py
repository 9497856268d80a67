"""How a command ends: its exit code, and a sentence instead of a traceback where possible."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from cyclopts import (
    CycloptsError,
    MissingArgumentError,
    UnknownOptionError,
    UnusedCliTokensError,
)

from hpsearch.commands.exit_codes import BROKEN_PIPE, DONE, FAILED, INTERRUPTED, USAGE_ERROR
from hpsearch.errors import InputError, SearchError
from hpsearch.search.silence import silence
from hpsearch.studyfile.diagnostics import StudyFileError

_OF_THE_MACHINE = {
    errno.ENOSPC: "the disk is full; free some space and repeat the command",
    errno.EDQUOT: "your share of the disk is used up; free some space and repeat the command",
    errno.EACCES: "no permission to write or read there",
    errno.EPERM: "no permission to write or read there",
    errno.EROFS: "that disk is read-only",
    errno.EIO: "the disk failed to read or write; see the system's log (dmesg)",
    errno.ESTALE: "the file server no longer has this file; enter the folder again, and repeat",
    errno.ENOLCK: "this file system gives no locks; work on a local disk, or have them turned on",
    errno.ENAMETOOLONG: "this name is too long for the file system; choose a shorter one",
    errno.ELOOP: "its links lead in a circle; correct them",
    errno.EMFILE: "too many files are open; raise the limit: ulimit -n 4096",
    errno.ENFILE: "too many files are open on this machine",
    errno.ENOMEM: "the machine has no memory left; end other programs and repeat the command",
}


def run_guarded(command: Callable[[], object]) -> int:
    """Runs a command; returns its exit code.

    Prints a sentence on stderr for what a person can fix; only a bug raises an exception.
    """
    try:
        with silence():
            code = command()
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Buffered output must not be written at exit, where it would fail again.
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
    """Leaves each SQLite file self-contained; commands without a database load nothing."""
    store = sys.modules.get("hpsearch.search.store")
    if store is not None and hasattr(store, "close_all"):
        store.close_all()


def complaint(error: Exception) -> str | None:
    """Returns what to print for an error; None if it is a bug and needs its traceback."""
    if isinstance(error, StudyFileError):
        # Its lines already say where they are, and that they are errors.
        return error.unseen
    if isinstance(error, CycloptsError) and (words := _usage(error)):
        return f"error: {words}"
    if isinstance(error, InputError | CycloptsError | SearchError):
        return f"error: {error}"
    if isinstance(error, json.JSONDecodeError):
        # Optuna reads the attributes of every study to find one by its name.
        return (
            f"error: an attribute of a study in the database is not JSON ({error}); restore a copy"
            " of the database, or correct the attribute"
        )
    if _is_of_the_database(error):
        from hpsearch.search.store import reason_of

        return f"error: the database failed: {reason_of(error)}; fix that and try again"
    if isinstance(error, FileNotFoundError) and _is_homeless():
        return "error: the current folder does not exist any more; change to another one (cd)"
    if isinstance(error, OSError) and error.errno in _OF_THE_MACHINE:
        place = f"{error.filename}: " if error.filename else ""
        return f"error: {place}{_OF_THE_MACHINE[error.errno]}"
    return None


def _is_homeless() -> bool:
    """Returns whether the current folder was removed."""
    try:
        Path.cwd()
    except FileNotFoundError:
        return True
    return False


def _usage(error: CycloptsError) -> str | None:
    """Returns what is wrong with a command line; None where cyclopts says it well."""
    command = " ".join(["hpsearch", *(error.command_chain or ())])
    if isinstance(error, UnusedCliTokensError):
        words = " ".join(map(repr, error.unused_tokens or ()))
        return f"{command} does not take {words}; see {command} --help"
    if isinstance(error, UnknownOptionError):
        if (command, error.token.keyword) == ("hpsearch resume", "--set"):
            return (
                "a study keeps the settings of its file; --trials, --add and --timeout change its"
                " budget, and `hpsearch run FILE --set study.name=OTHER` searches with others"
            )
        words = str(error)
        return words if "Did you mean" in words else f"{words} See {command} --help"
    name = error.argument.name if error.argument else None
    if isinstance(error, MissingArgumentError) and name:
        remedy = "`hpsearch list` shows the names" if name == "NAME" else f"see {command} --help"
        needs = f"{error.keyword or name} needs a value" if name.startswith("-") else ""
        return f"{needs or f'{command} needs {name}'}; {remedy}"
    return None


def _is_of_the_database(error: Exception) -> bool:
    """Returns whether an error is the database's, by name: not every command loads SQLAlchemy."""
    names = {base.__name__ for base in type(error).__mro__}
    return bool(names & {"SQLAlchemyError", "StorageInternalError"})
