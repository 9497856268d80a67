"""Which resource of a machine ran out, from the output of torch and Python."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from hpsearch.protocol.messages import Ended

SHARED_MEMORY = Path("/dev/shm")
# What torch prints in a loader's worker, and about a worker that the kernel killed.
_SHARED = re.compile(
    r"(shared memory|</torch_\d+).*No space left|out of shared memory|unable to mmap.*torch_"
)
_NO_MEMORY = re.compile(
    r"bad_alloc|MemoryError|[Cc]annot allocate memory|can't allocate memory|not enough memory"
    r"|failed to map segment|can't start new thread"
)


def is_of_shared_memory(text: str) -> bool:
    """Returns whether torch's output says that the machine's shared memory is full."""
    return _SHARED.search(text) is not None


def shared_memory_words() -> str:
    """Returns what is full, and what to do about it, in a sentence."""
    try:
        size = f", {shutil.disk_usage(SHARED_MEMORY).total / 1e6:.3g} MB"
    except OSError:
        size = ""
    return (
        f"the machine's shared memory ({SHARED_MEMORY}{size}) is full: the workers of a DataLoader"
        " hand over their batches there. Give it more (docker run --shm-size 2g), or train with"
        " num_workers: 0"
    )


def read_last_words(said: str, *, killed: bool) -> Ended | None:
    """Returns how a process ended, from the end of its output; None if that does not show it.

    Args:
        said: the end of its output.
        killed: whether hpsearch killed it because it hung: full shared memory makes a loader wait
            forever.
    """
    if is_of_shared_memory(said):
        return Ended("failed", shared_memory_words(), "resources")
    if killed or not _NO_MEMORY.search(said):
        return None
    return Ended("failed", _memory_words(), "out of memory")


def _memory_words() -> str:
    words = "its process could not allocate memory"
    try:
        import resource
    except ImportError:  # not on Windows
        return words
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return words
    return (
        f"{words}: its address space is limited to {limit / 1e9:.3g} GB (ulimit -v, or the batch"
        " system's limit of memory)"
    )
