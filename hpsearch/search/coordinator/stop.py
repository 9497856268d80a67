"""A request to stop the search, made by a signal or an error."""

from __future__ import annotations

import math
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

ASKED = "`hpsearch control` stop"
GRACE_S = 30.0
SIGNALS = {
    signal.SIGINT: "Ctrl-C",
    signal.SIGTERM: "SIGTERM",
    # Slurm's warning before the time limit or a preemption: sbatch --signal=B:USR1@120.
    signal.SIGUSR1: "SIGUSR1",
    # The terminal is closed, or the connection to it is lost.
    signal.SIGHUP: "SIGHUP",
}
_TIME_UP = "the time is up"
_WITHOUT_HASTE = ("SIGUSR1", "SIGTERM", "SIGHUP")


class StopRequest:
    """How urgently the search was asked to stop, and why first.

    A signal may arrive while another is handled, so asking is a single append.
    """

    def __init__(self) -> None:
        self._reasons: list[str] = []

    def ask(self, reason: str) -> None:
        """Asks to stop; a second time, to stop now."""
        self._reasons.append(reason)

    def ask_by(self, number: int) -> None:
        """Asks to stop because of a signal."""
        self.ask(SIGNALS[signal.Signals(number)])

    @property
    def reason(self) -> str:
        """Why the search was first asked to stop; empty if it was not."""
        return next(iter(self._reasons), "")

    @property
    def urgency(self) -> int:
        """0: it was not asked to stop; 1: it stops after this epoch; 2: it stops now.

        A preemption sends SIGUSR1 and then SIGTERM, and a closed terminal SIGHUP from two sides:
        one such signal after another does not add urgency.
        """
        if not self._reasons:
            return 0
        first, *later = self._reasons
        patient = first in _WITHOUT_HASTE and all(reason in _WITHOUT_HASTE for reason in later)
        return 1 if patient or not later else 2


class Ending:
    """Whether a search ends before its budget is used up, and how long that has been so.

    Args:
        request: the request that it stop.
        deadline: `time.monotonic()` after which nothing is begun; None for no limit.
    """

    def __init__(self, request: StopRequest, deadline: float | None) -> None:
        self._request = request
        self._deadline = deadline
        self._since: float | None = None

    @property
    def left_s(self) -> float:
        """Seconds until nothing new begins; infinite without a limit."""
        if self._deadline is None:
            return math.inf
        return max(0.0, self._deadline - time.monotonic())

    @property
    def due(self) -> bool:
        """Whether nothing new begins."""
        return self.left_s == 0 or self._request.urgency > 0

    @property
    def why(self) -> str:
        """Why the search ends before its budget is used up; empty if it does not."""
        return self._request.reason or _TIME_UP * (self.left_s == 0)

    @property
    def at_once(self) -> bool:
        """Whether the search no longer waits for the running epochs."""
        late = self._since is not None and time.monotonic() - self._since > GRACE_S
        return late or self._request.urgency == 2

    def begin(self) -> str:
        """Starts the clock of the last epochs; returns a message about it, the first time only."""
        if self._since is not None:
            return ""
        self._since = time.monotonic()
        return (
            f"{self.why or _TIME_UP}: finishing the running epochs, for at"
            f" most {GRACE_S:.0f} s; Ctrl-C stops at once"
        )


@contextmanager
def stop_on_signals(stop: StopRequest) -> Iterator[None]:
    """Makes Ctrl-C, SIGTERM, SIGUSR1 and SIGHUP ask the search to stop, inside the block.

    A search that ignores SIGHUP, such as one started with nohup, still ignores it.
    """
    # Once it is closed, nothing says any more that it was a terminal.
    terminals = [
        stream.fileno()
        for stream in (sys.__stdout__, sys.__stderr__)
        if stream is not None and stream.isatty()
    ]

    def ask(number: int, _: object) -> None:
        if number == signal.SIGHUP:
            _leave(terminals)
        stop.ask_by(number)

    kept = {signal.SIGHUP} if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN else set()
    before = {number: signal.signal(number, ask) for number in SIGNALS if number not in kept}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave(terminals: Sequence[int]) -> None:
    """Stops printing to a closed terminal, which would cause another error."""
    for terminal in terminals:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, terminal)
        os.close(nowhere)
