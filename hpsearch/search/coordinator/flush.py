"""Sends a running search's changes to the database, and keeps its observer informed."""

from __future__ import annotations

from hpsearch.errors import SearchError
from hpsearch.search.coordinator.observer import Observer
from hpsearch.search.coordinator.stop import StopRequest
from hpsearch.search.store import WriteBehindQueue

STEP_S = 0.1


class FlushLoop:
    """Keeps the write-behind queue moving while a search runs, and empties it at the end.

    Args:
        writes: the queue.
        observer: notified when the database becomes unavailable and when it is back.
    """

    def __init__(self, writes: WriteBehindQueue, observer: Observer) -> None:
        self._writes = writes
        self._observer = observer
        self._reported = ""

    def step(self) -> None:
        """Sends what is queued, without waiting for it."""
        self._writes.pump()
        trouble = self._writes.trouble
        if trouble and not self._reported:
            self._observer.note(
                f"the database cannot be written ({trouble}): training continues, new trials wait"
            )
        elif self._reported and not trouble:
            self._observer.note("the database can be written again: nothing was lost")
        self._reported = trouble
        while self._writes.notes:
            self._observer.note(self._writes.notes.pop(0))

    def finish(self, stop: StopRequest) -> None:
        """Waits until the database has everything, or until an immediate stop is requested.

        Raises:
            SearchError: that stop came while the database was unavailable.
        """
        waits = False
        while not self._writes.flush(STEP_S):
            self.step()
            if self._writes.trouble and not waits:
                waits = True
                times = "" if stop.urgency else " twice"
                self._observer.note(
                    "nothing trains any more, and the results wait for the database;"
                    f" Ctrl-C{times} leaves them to `hpsearch resume`"
                )
            self._observer.refresh()
            if stop.urgency == 2 and (trouble := self._writes.trouble):
                raise SearchError(
                    f"the database cannot be written ({trouble}); what was trained is kept"
                    " with the checkpoints, and is written when the study is resumed"
                )
        self.step()
