"""`prepare_data`, which often writes files: on one machine, one process at a time is in it."""

from __future__ import annotations

import functools
import hashlib
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from platformdirs import user_runtime_path

from hpsearch.trial.speedups.overrides import overrides

_AGAIN = "prepare_data runs in every trial, so let it write only what is missing"


def prepare_in_turn(owner: Any) -> None:
    """Makes processes that prepare the same data do so one after the other.

    The first one writes the files, and the next ones find them. The system ends a turn with its
    process, however that dies.

    Args:
        owner: a data module, or a module that may have the method.
    """
    if overrides(owner, "prepare_data"):
        method = owner.prepare_data
        call = functools.partial(_call_in_turn, method, lock_file(owner))
        functools.update_wrapper(call, method)
        # On the object, not in a subclass: it keeps the class that the user wrote.
        object.__setattr__(owner, "prepare_data", call)


def lock_file(owner: Any) -> Path:
    """Returns the file that is locked: of this user, on this machine, for the class's own code."""
    writer = next(base for base in type(owner).__mro__ if "prepare_data" in vars(base))
    code = getattr(sys.modules.get(writer.__module__), "__file__", "")
    name = hashlib.sha256(f"{code} {writer.__qualname__}".encode()).hexdigest()[:16]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # containers have no XDG_RUNTIME_DIR
        return user_runtime_path("hpsearch") / f"prepare-data-{name}.lock"


def _call_in_turn(method: Callable[..., Any], path: Path, /, *args: Any, **named: Any) -> Any:
    with _turn(path):
        try:
            return method(*args, **named)
        except FileExistsError as error:
            raise FileExistsError(
                error.errno, f"{error.strerror}; {_AGAIN}", error.filename
            ) from error


@contextmanager
def _turn(path: Path) -> Iterator[None]:
    # One lock for each file, so that a module inside another does not wait for its own process.
    lock = FileLock(path, is_singleton=True)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            print("waits while another process is in prepare_data", flush=True)
            lock.acquire()
    except (OSError, NotImplementedError):  # no file can be locked here: as without us
        yield
        return
    try:
        yield
    finally:
        lock.release()
