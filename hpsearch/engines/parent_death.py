"""No orphans: a process asks to be killed when its parent dies."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def die_with(parent: int) -> None:
    """Has the kernel kill this process when `parent` dies; exits at once if it is dead already.

    Linux only (prctl(2), PR_SET_PDEATHSIG). Elsewhere the closed socket to the parent, which every
    process of a search watches, is what ends it.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
