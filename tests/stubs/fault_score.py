"""What a test says of the faults that it has brought about."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

FULL = os.environ.get("HPSEARCH_FAULTS") == "full"


@dataclass
class Score:
    """How often a test has struck, and the worst of what it measured."""

    strikes: int = 0
    figures: dict[str, float] = field(default_factory=dict)

    def struck(self, times: int = 1) -> None:
        """Counts a fault that was brought about."""
        self.strikes += times

    def worst(self, what: str, value: float) -> None:
        """Keeps the larger of two figures of one name (with its unit), such as `s to resume`."""
        self.figures[what] = max(value, self.figures.get(what, value))


@contextmanager
def memory_kills(factory: pytest.TempPathFactory, *, alone: bool) -> Iterator[None]:
    """Keeps the tests in which the kernel kills for memory apart from those that kill themselves.

    The kernel counts its kills by machine: a trial that dies beside one would be taken for one.

    Args:
        factory: of a test run's folders, in which the lock lies.
        alone: whether the kernel kills inside the block, or must not.
    """
    base = factory.getbasetemp()
    # A worker's folder is in that of the whole run.
    place = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with (place / "memory-kills.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield
