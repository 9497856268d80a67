"""What is full is named, and only the disk of the runs is waited for."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hpsearch.trial.causes import find_full
from hpsearch.trial.stage import is_out_of_memory

NO_ROOM = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
# What torch 2.14 says in a loader's worker, and of one that the kernel has ended.
FULL = (
    "unable to allocate shared memory(shm) for file </torch_22_78_0>: No space left on device (28)"
)
BUS = (
    "DataLoader worker (pid 3) is killed by signal: Bus error. It is possible that dataloader's"
    " workers are out of shared memory. Please try to raise your shared memory limit."
)


def caught(raise_it: Callable[[], None]) -> Exception:
    try:
        raise_it()
    except Exception as error:
        return error
    raise AssertionError


def raise_in(file: str) -> Exception:
    """Returns the error as it comes from a function of this file."""
    there: dict[str, object] = {}
    exec(compile("def call(error):\n    raise error", file, "exec"), there)
    return caught(lambda: there["call"](OSError(errno.ENOSPC, "No space left")))  # type: ignore[operator]


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError(f"Caught RuntimeError in DataLoader worker process 0.\n{FULL}"),
        RuntimeError(BUS),
        OSError(errno.ENOSPC, "No space left on device", "/dev/shm/psm_1"),
        raise_in("/usr/lib/python3.11/multiprocessing/synchronize.py"),
    ],
    ids=["worker", "bus error", "a file there", "semaphore"],
)
def test_full_shared_memory_is_not_the_disk_of_the_runs(tmp_path: Path, error: Exception) -> None:
    found = find_full(error, tmp_path)
    assert found is not None
    text, disk = found
    assert not disk
    assert text.startswith("the machine's shared memory (/dev/shm")
    assert text.endswith("(docker run --shm-size 2g), or train with num_workers: 0")


@pytest.mark.parametrize(
    "number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS], ids=["full", "quota", "read-only"]
)
def test_a_disk_that_cannot_be_written_is_that_of_the_runs(tmp_path: Path, number: int) -> None:
    reason = os.strerror(number)
    words = f"the disk that holds {tmp_path} cannot be written ({reason})"
    for name in (None, str(tmp_path / "last.ckpt"), str(tmp_path / "not" / "there" / "x")):
        assert find_full(OSError(number, reason, name), tmp_path) == (words, True)


def test_the_cause_beneath_another_error_counts(tmp_path: Path) -> None:
    def log() -> None:
        try:
            raise NO_ROOM
        except OSError as error:
            raise RuntimeError("the logger failed") from error

    found = find_full(caught(log), tmp_path)
    assert found is not None
    assert found[1]


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs another file system")
def test_another_disk_is_named_by_its_file_and_not_waited_for(tmp_path: Path) -> None:
    error = OSError(errno.EROFS, "Read-only file system", "/proc/cache/x")
    assert find_full(error, tmp_path) == (
        "/proc/cache/x cannot be written (Read-only file system)",
        False,
    )


@pytest.mark.parametrize(
    "error",
    [ValueError("no space"), RuntimeError("shared memory is nice"), PermissionError(13, "no")],
)
def test_other_errors_say_of_nothing_that_it_is_full(tmp_path: Path, error: Exception) -> None:
    assert find_full(error, tmp_path) is None


@pytest.mark.parametrize(
    ("error", "memory"),
    [
        (MemoryError(), True),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), True),
        (RuntimeError("can't start new thread"), True),
        (RuntimeError("std::bad_alloc"), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (OSError(errno.ENOSPC, "No space left on device"), False),
    ],
)
def test_memory_that_was_too_small_is_distinguished_from_other_errors(
    error: Exception, memory: bool
) -> None:
    assert is_out_of_memory(error) is memory
