"""What every engine does: start trials on slots, and carry their messages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from hpsearch.engines.slots import Slot
from hpsearch.protocol.job import Job
from hpsearch.protocol.messages import Decision, Ended, Message


@dataclass(frozen=True)
class Exited:
    """A trial's process has ended and its slot is free; always the last thing heard of a trial.

    Attributes:
        code: the exit code; negative where a signal ended the process.
        oom: the kernel killed it, for lack of memory.
        said: how it ended, as the last words that it printed tell; None if they do not.
        lost: how it was lost together with its node, such as `was lost with node b (no answer for
            20 s)`; empty if its own process ended. It is not the trial's failure.
    """

    code: int
    oom: bool = False
    said: Ended | None = None
    lost: str = ""


Handler = Callable[[int, Message | Exited], Decision | None]


class Engine(Protocol):
    """Runs jobs on slots; decides nothing and never sees the database."""

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The room for trials there is now; on a cluster it grows and shrinks with its nodes."""

    @property
    def ready(self) -> bool:
        """Whether what was started has begun; before, its silence means nothing."""

    def start(self, job: Job, slot: Slot) -> None:
        """Starts a job on a free slot and returns at once."""

    def poll(self, handler: Handler, timeout_s: float) -> None:
        """Hands what the trials say to `handler`, waiting at most `timeout_s` for the first.

        A `Started` and a `Report` are answered with the decision that `handler` returns.
        """

    def kill(self, number: int) -> None:
        """Ends a trial's process and all that it started, now; `Exited` follows."""

    def close(self) -> None:
        """Ends everything that still runs and waits until it is gone."""
