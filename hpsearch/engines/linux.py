"""No orphans: a process ends with its parent, and ends what its children leave behind."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from hpsearch.engines.interpreter import python_command

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def set_parent_death_signal(parent: int, by: signal.Signals = signal.SIGKILL) -> None:
    """Makes the kernel signal this process when `parent` dies; exits if it is already dead.

    Linux only (prctl(2), PR_SET_PDEATHSIG). Elsewhere it ends when the socket to the parent closes,
    which every process of a search watches.
    """
    _prctl(PR_SET_PDEATHSIG, by)
    if os.getppid() != parent:
        os._exit(1)


def become_subreaper() -> None:
    """Adopts the orphans of this process's children, so that they can be ended here.

    Linux only (prctl(2), PR_SET_CHILD_SUBREAPER).
    """
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value)


OWN_GROUPS = Path("/proc/self/cgroup")
GROUPS = Path("/sys/fs/cgroup")


def count_memory_kills(own: Path = OWN_GROUPS, groups: Path = GROUPS) -> int | None:
    """Returns how many processes of this one's control group the kernel has killed for memory.

    None if it has no group of its own, since the count of the whole machine says nothing about one
    process. The trials that a process starts are in its group.

    Args:
        own: which groups this process is in, as in cgroups(7).
        groups: the folder with their files: of version 2, or with a folder for each controller.
    """
    try:
        lines = [line.split(":", 2) for line in own.read_text(encoding="utf-8").splitlines()]
    except OSError:
        return None
    places = {controllers: path.strip("/") for _, controllers, path in lines}
    files = [groups / places.get("", "") / "memory.events"]
    # A container may see its own group as the root, whatever its path is outside.
    files += [groups / "memory.events"]
    if places.get("memory"):
        files.insert(0, groups / "memory" / places["memory"] / "memory.oom_control")
    for file in files:
        with suppress(OSError, KeyError, ValueError):
            fields = dict(line.split() for line in file.read_text(encoding="utf-8").splitlines())
            return int(fields["oom_kill"])
    return None


def dying_with_this(command: Sequence[str]) -> list[str]:
    """Wraps a command so that it gets SIGTERM when this process dies."""
    return python_command(__name__, os.getpid(), *command)


def main() -> None:
    """Makes this process end with its parent, then becomes the command in its arguments."""
    set_parent_death_signal(int(sys.argv[1]), by=signal.SIGTERM)
    command = sys.argv[2:]
    try:
        os.execvp(command[0], command)
    except OSError as error:
        print(f"{command[0]} cannot be started: {error.strerror}", file=sys.stderr)
        sys.exit(127)


if __name__ == "__main__":
    main()
