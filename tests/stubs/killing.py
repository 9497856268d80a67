"""A kill at the n-th write of this process: nothing is written after it, nothing is cleaned up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

# What of `Path` changes a disk; of a database it is each statement and each commit.
WRITES = ("mkdir", "rename", "replace", "write_text", "unlink", "touch")


class Killed(BaseException):
    """SIGKILL, as far as a test in one process can have it."""


class Writes:
    """Counts what is written."""

    def __init__(self, last: int | None) -> None:
        self.count = 0
        self._last = last

    def __call__(self, *_: Any, **__: Any) -> None:
        """Raises Killed at the last write, and at every one that would come after it."""
        self.count += 1
        if self._last is not None and self.count >= self._last:
            raise Killed


@contextmanager
def killed_at(write: int | None) -> Iterator[Writes]:
    """Kills what is done within at its n-th write; None lets it live, and counts."""
    writes = Writes(write)
    places = (("before_cursor_execute", sa.Engine), ("commit", sa.Engine))
    with pytest.MonkeyPatch.context() as patch:
        for name in WRITES:
            patch.setattr(Path, name, _counted(getattr(Path, name), writes))
        for event, target in places:
            sa.event.listen(target, event, writes)
        try:
            yield writes
        except Killed:
            pass
        finally:
            for event, target in places:
                sa.event.remove(target, event, writes)


def _counted(original: Any, writes: Writes) -> Any:
    def counted(*args: Any, **options: Any) -> Any:
        writes()
        return original(*args, **options)

    return counted
