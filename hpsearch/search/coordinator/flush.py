"""Bringing a running search's changes to the database, and telling its watchers how that goes."""

from __future__ import annotations

from hpsearch.errors import SearchError
from hpsearch.search.coordinator.observer import Observer
from hpsearch.search.coordinator.stop import StopRequest
from hpsearch.search.store import WriteBehindQueue

STEP_S = 0.1


class FlushLoop:
    """Keeps an outbox going while a search runs, and empties it at the end.

    Args:
        writes: what is on its way.
        observer: hears when the database goes away and when it is back.
    """

    def __init__(self, writes: WriteBehindQueue, observer: Observer) -> None:
        self._writes = writes
        self._observer = observer
        self._reported = ""

    @property
    def trouble(self) -> str:
        """Why the database cannot be written just now; empty if it can."""
        return self._writes.trouble

    @property
    def taken(self) -> int:
        """How many changes were made so far."""
        return self._writes.taken

    def has(self, changes: int) -> bool:
        """Returns whether the database has so many of the changes, the first ones."""
        return self._writes.written >= changes

    def step(self) -> None:
        """Sends what there is, and waits for nothing."""
        self._writes.pump()
        if self.trouble and not self._reported:
            self._observer.note(
                f"the database cannot be written ({self.trouble}): training continues, new trials"
                " wait"
            )
        elif self._reported and not self.trouble:
            self._observer.note("the database can be written again: nothing was lost")
        self._reported = self.trouble
        while self._writes.notes:
            self._observer.note(self._writes.notes.pop(0))

    def wait(self, timeout_s: float) -> bool:
        """Returns whether the database has everything, having waited for that a moment."""
        return self._writes.flush(timeout_s)

    def finish(self, stop: StopRequest) -> None:
        """Waits until the database has everything; asked to stop at once, waits no more.

        Raises:
            SearchError: it was asked to stop while the database was away.
        """
        while not self.wait(STEP_S):
            self.step()
            self._observer.refresh()
            if stop.urgency == 2 and self.trouble:
                raise SearchError(
                    f"the database cannot be written ({self.trouble}); what was trained is kept"
                    " with the checkpoints, and is written when the study is resumed"
                )
        self.step()
