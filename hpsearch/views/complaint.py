"""Which errors a person can put right, and the words for them; every other error is a bug."""

from __future__ import annotations

import errno

from hpsearch.spec.errors import InputError

_OF_THE_MACHINE = {
    errno.ENOSPC: "the disk is full; make room and give the same command again",
    errno.EDQUOT: "your share of the disk is used up; make room and give the same command again",
    errno.EACCES: "no permission to write or read there",
    errno.EPERM: "no permission to write or read there",
    errno.EROFS: "that disk is read-only",
}


def complaint(error: BaseException) -> str | None:
    """Returns what to print for an error, or None if it is a bug and its traceback is wanted."""
    if isinstance(error, InputError):
        # A study file's faults are a list, each line with its own place and mark.
        faults = hasattr(error, "faults")
        return str(error) if faults else f"error: {error}"
    if isinstance(error, OSError) and error.errno in _OF_THE_MACHINE:
        place = f"{error.filename}: " if error.filename else ""
        return f"error: {place}{_OF_THE_MACHINE[error.errno]}"
    return None
