"""No orphans: a process ends when its parent does, and ends what its children leave behind."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from hpsearch.engines.interpreter import python_command

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def set_parent_death_signal(parent: int, by: signal.Signals = signal.SIGKILL) -> None:
    """Has the kernel send this process a signal when `parent` dies; exits if it is dead already.

    Linux only (prctl(2), PR_SET_PDEATHSIG). Elsewhere the closed socket to the parent, which every
    process of a search watches, is what ends it.
    """
    _prctl(PR_SET_PDEATHSIG, by)
    if os.getppid() != parent:
        os._exit(1)


def become_subreaper() -> None:
    """Has what the children of this process leave behind become children of it, to be ended here.

    Linux only (prctl(2), PR_SET_CHILD_SUBREAPER).
    """
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value)


VMSTAT = Path("/proc/vmstat")


def count_memory_kills(vmstat: Path = VMSTAT) -> int:
    """Returns the kernel's count since it started, containers included; 0 where it keeps none."""
    try:
        fields = dict(line.split() for line in vmstat.read_text(encoding="utf-8").splitlines())
        return int(fields["oom_kill"])
    except (OSError, KeyError, ValueError):
        return 0


def dying_with_this(command: Sequence[str]) -> list[str]:
    """Returns a command that runs another one, which gets SIGTERM when this process dies."""
    return python_command(__name__, os.getpid(), *command)


def main() -> None:
    """Becomes the command in its arguments, after tying its life to that of its parent."""
    set_parent_death_signal(int(sys.argv[1]), by=signal.SIGTERM)
    command = sys.argv[2:]
    try:
        os.execvp(command[0], command)
    except OSError as error:
        print(f"{command[0]} cannot be started: {error.strerror}", file=sys.stderr)
        sys.exit(127)


if __name__ == "__main__":
    main()
