"""Trials that were given a slot and wait until the database knows of them."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence

from hpsearch.engines.slots import Slot
from hpsearch.search.coordinator.running import RunningTrial
from hpsearch.search.store import WriteBehindQueue

POLL_S = 0.1
# While trials wait for the database, since its thread does not wake the engine.
SOON_S = 0.005
WRITE_S = 1.0
# Reports are received in between: asking a sampler takes time, 10 to 20 ms for TPE with many
# trials.
GROUP = 16
ASK_S = 0.01


class Starts:
    """Starts trials in groups: one commit for all the slots that became free.

    A trial that is not in the database would be proposed again after a crash.

    Args:
        writes: takes the changes to the database.

    Attributes:
        more: free slots wait for the next turn of the loop.
    """

    def __init__(self, writes: WriteBehindQueue) -> None:
        self._writes = writes
        self._waiting: deque[tuple[int, RunningTrial]] = deque()
        self.more = False

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def poll_s(self) -> float:
        """How long the engine may wait for a message before trials are started again."""
        if self.more:
            return 0.0
        return SOON_S if self._waiting else POLL_S

    def group(self, free: Sequence[Slot]) -> Iterator[Slot]:
        """Yields the free slots that get a trial before the engine is polled again.

        At least one; no more once asking for them has taken a moment.
        """
        until = time.thread_time() + ASK_S
        for place, slot in enumerate(free):
            self.more = place == GROUP or (place > 0 and time.thread_time() > until)
            if self.more:
                return
            yield slot
        self.more = False

    def add(self, running: RunningTrial) -> None:
        """Takes a trial, all of whose changes so far must be written before it begins."""
        self._waiting.append((self._writes.taken, running))

    def written(self, *, wait: bool) -> Iterator[RunningTrial]:
        """Yields the trials that may begin now.

        Args:
            wait: whether to wait a moment for the database, if nothing else has to be done
                meanwhile.
        """
        if wait and self._waiting:
            self._writes.flush(WRITE_S)
        while self._waiting and self._writes.written >= self._waiting[0][0]:
            yield self._waiting.popleft()[1]
