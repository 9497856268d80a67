"""The wish that a search should stop, which signals and faults express."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

SIGNALS = {
    signal.SIGINT: "Ctrl-C",
    signal.SIGTERM: "SIGTERM",
    # Slurm's warning before the time limit or a preemption: sbatch --signal=B:USR1@120.
    signal.SIGUSR1: "SIGUSR1",
}


class StopRequest:
    """How urgently the search was asked to stop: 0 not at all, 1 after this epoch, 2 now."""

    def __init__(self) -> None:
        self.urgency = 0
        self.reason = ""

    def ask(self, reason: str) -> None:
        """Asks to stop; a second time, to stop now."""
        self.urgency = min(2, self.urgency + 1)
        self.reason = self.reason or reason

    def ask_by(self, number: int) -> None:
        """Asks to stop because of a signal; preemption's second one (SIGTERM) asks for no haste."""
        if number == signal.SIGINT or self.reason not in ("SIGUSR1", "SIGTERM"):
            self.ask(SIGNALS[signal.Signals(number)])


@contextmanager
def stop_on_signals(stop: StopRequest) -> Iterator[None]:
    """Has Ctrl-C, SIGTERM and SIGUSR1 ask the search to stop, within."""
    before = {number: signal.signal(number, lambda got, _: stop.ask_by(got)) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
