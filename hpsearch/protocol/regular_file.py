"""Reading from folders that anybody may write into: a pipe or a device there is never opened.

Opening a pipe waits for the process at its other end, and forever if there is none.
"""

from __future__ import annotations

import errno
import stat
from pathlib import Path

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def what_else(path: Path) -> str:
    """Returns what is there instead of a file, such as `a pipe`; empty for a file or nothing."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return ""
    return _KINDS.get(stat.S_IFMT(mode), "")


def read_regular(path: Path) -> bytes:
    """Returns what a file contains.

    Raises:
        OSError: it does not exist, is not a file, or cannot be read.
    """
    if kind := what_else(path):
        raise OSError(errno.EINVAL, f"it is {kind}, not a file", str(path))
    return path.read_bytes()
