"""Who else could have written a file, by owner and mode of the file and of every folder above."""

from __future__ import annotations

import os
import stat
import sys
from functools import cache
from importlib.util import cache_from_source
from pathlib import Path


def untrusted_reason(path: Path) -> str:
    """Returns why others could have written a file; empty if only the user and root could.

    Others could if they own it or a folder above it, or may write to either; root and the owner
    of hpsearch itself do not count as others. A folder with the sticky bit, such as /tmp, lets
    everybody add files but change only their own. A group counts as others unless it
    is its owner's private one: of the same name, without another member. Systems without owners
    are trusted.
    """
    if sys.platform == "win32":
        return ""
    # A link is as safe as the folder it is in and the file it leads to.
    for place in dict.fromkeys((path.absolute(), path.resolve())):
        try:
            file = place.lstat()
        except FileNotFoundError:  # a pipe has no place
            continue
        if reason := _others_may_write(file, "the file") or folder_reason(
            place.parent, "its folder"
        ):
            return reason
    return ""


def folder_reason(folder: Path, name: str = "") -> str:
    """Returns why others could add files to a folder, or put another one in its place.

    Args:
        folder: the folder.
        name: what the reason calls the folder; its path if empty.
    """
    if sys.platform == "win32":
        return ""
    for above in (folder, *folder.parents):
        what = name if above == folder and name else f"the folder {above}"
        try:
            found = above.stat()
        except OSError:
            continue
        if reason := _others_may_write(found, what):
            return reason
    return ""


def bytecode_reason(file: Path) -> str:
    """Returns why others could have written the bytecode that Python loads in a module's place.

    Bytecode in `__pycache__` is run instead of a source file wherever its header says that it
    belongs to it, and whoever writes the bytecode writes its header.
    """
    if sys.platform == "win32" or file.suffix != ".py":
        return ""
    folder = Path(cache_from_source(str(file))).parent
    if not folder.is_dir():
        return ""
    # Here the sticky bit protects nothing: missing bytecode could be added.
    if reason := _others_may_write(folder.stat(), f"its {folder.name}", sticky=False):
        return reason
    for bytecode in sorted(folder.glob(f"{file.stem}.{sys.implementation.cache_tag}*.pyc")):
        if reason := _others_may_write(bytecode.lstat(), f"its bytecode {bytecode.name}"):
            return reason
    return ""


def _others_may_write(found: os.stat_result, what: str, *, sticky: bool = True) -> str:
    mode = stat.S_IMODE(found.st_mode)
    if found.st_uid not in _trusted_users():
        return f"{what} belongs to {_user_name(found.st_uid)}"
    if stat.S_ISLNK(found.st_mode) or (sticky and mode & stat.S_ISVTX):
        return ""
    if mode & stat.S_IWOTH:
        return f"everybody may write to {what}, mode {mode:03o}"
    if mode & stat.S_IWGRP and not _is_private(found.st_gid, found.st_uid):
        return f"its group may write to {what}, mode {mode:03o}"
    return ""


@cache
def _trusted_users() -> tuple[int, ...]:
    """Returns root, the user and hpsearch's owner: what they write runs in this process anyway."""
    return 0, os.geteuid(), Path(__file__).stat().st_uid


def _is_private(group: int, user: int) -> bool:
    import grp

    try:
        entry = grp.getgrgid(group)
    except KeyError:
        return False
    name = _user_name(user)
    return entry.gr_name == name and set(entry.gr_mem) <= {name}


def _user_name(user: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"
