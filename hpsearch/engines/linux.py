"""No orphans: a process ends with its parent, and ends what its children leave behind."""

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


VMSTAT = Path("/proc/vmstat")


def count_memory_kills(vmstat: Path = VMSTAT) -> int:
    """Returns the kernel's count since boot, containers included; 0 where there is none."""
    try:
        fields = dict(line.split() for line in vmstat.read_text(encoding="utf-8").splitlines())
        return int(fields["oom_kill"])
    except (OSError, KeyError, ValueError):
        return 0


def dying_with_this(command: Sequence[str]) -> list[str]:
    """Wraps a command so that it gets SIGTERM when this process dies."""
    return python_command(__name__, os.getpid(), *command)


def main() -> None:
    """Ties its life to its parent's, then becomes the command in its arguments."""
    set_parent_death_signal(int(sys.argv[1]), by=signal.SIGTERM)
    command = sys.argv[2:]
    try:
        os.execvp(command[0], command)
    except OSError as error:
        print(f"{command[0]} cannot be started: {error.strerror}", file=sys.stderr)
        sys.exit(127)


if __name__ == "__main__":
    main()
