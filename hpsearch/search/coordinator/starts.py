"""Trials that were given a slot and wait until the database knows of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from hpsearch.search.coordinator.flush import FlushLoop
from hpsearch.search.coordinator.running import RunningTrial

POLL_S = 0.1
# While trials wait for the database, whose thread does not wake the engine.
SOON_S = 0.005
WRITE_S = 1.0
# Reports are heard in between: to ask a sampler takes a moment.
GROUP = 16


class Starts:
    """Starts trials in groups: one commit for all the slots that became free.

    A trial that is not in the database would be proposed again after a crash.

    Args:
        flush: brings the changes to the database.
    """

    def __init__(self, flush: FlushLoop) -> None:
        self._flush = flush
        self._waiting: deque[tuple[int, RunningTrial]] = deque()
        self._more = False

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def poll_s(self) -> float:
        """How long the engine may wait for a message before it is looked here again."""
        return SOON_S if self._waiting or self._more else POLL_S

    def group(self, free: int) -> int:
        """Returns how many of the free slots get a trial before the engine is polled again."""
        self._more = free > GROUP
        return GROUP

    def add(self, running: RunningTrial) -> None:
        """Takes a trial, all of whose changes so far must be written before it begins."""
        self._waiting.append((self._flush.taken, running))

    def written(self, *, wait: bool) -> Iterator[RunningTrial]:
        """Yields the trials that may begin now.

        Args:
            wait: whether to wait a moment for the database, where nobody else waits for this.
        """
        if wait and self._waiting:
            self._flush.wait(WRITE_S)
        while self._waiting and self._flush.has(self._waiting[0][0]):
            yield self._waiting.popleft()[1]
