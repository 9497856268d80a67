"""The engine for debugging: trials run in the calling process, where breakpoints work."""

from __future__ import annotations

import time
from collections import deque

from hpsearch.engines import bridge
from hpsearch.engines.engine import Exited, Handler
from hpsearch.engines.slots import Slot
from hpsearch.protocol.job import Job


class InlineEngine:
    """Runs one trial at a time, in this process, when polled."""

    def __init__(self, slot: Slot) -> None:
        self.slots: tuple[Slot, ...] = (slot,)
        self.ready = True
        self._jobs: deque[Job] = deque()

    def start(self, job: Job, slot: Slot) -> None:
        """Keeps the job until the next poll."""
        self._jobs.append(job)

    def poll(self, handler: Handler, timeout_s: float) -> None:
        """Runs the job to its end, with `handler` as its coordinator."""
        if not self._jobs:
            # The search waits for its database or for disk space.
            time.sleep(timeout_s)
            return
        job = self._jobs.popleft()
        bridge.call(
            "hpsearch.trial.run:run_trial", job, lambda message: handler(job.number, message)
        )
        handler(job.number, Exited(0))

    def kill(self, number: int) -> None:
        """Drops a job that has not begun; a running one is in the hands of the caller."""
        self._jobs = deque(job for job in self._jobs if job.number != number)

    def close(self) -> None:
        """Drops the jobs that have not begun."""
        self._jobs.clear()
