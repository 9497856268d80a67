"""Keeping the loop of a search from waiting for the interpreter itself."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# Seconds for which another thread may keep the interpreter; the default is 5 ms.
SWITCH_S = 0.001
FREEZE_EVERY = 1000


@contextmanager
def responsive() -> Iterator[None]:
    """Inside the block, neither other threads nor the garbage collector stop the loop for long.

    Python's garbage collector looks through all objects now and then: a tenth of a second with
    10,000 trials, which stay in memory until the end anyway.
    """
    interval = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        sys.setswitchinterval(interval)


def keep_for_good(trials: int) -> None:
    """Makes the collector skip all existing objects, after every so many trials."""
    if trials % FREEZE_EVERY == 0:
        gc.freeze()
