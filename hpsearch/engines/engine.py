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
    """A trial's process has ended and its slot is free; always the last message of a trial.

    Attributes:
        code: the exit code; negative where a signal ended the process.
        oom: the kernel killed it because memory was short.
        said: how it ended, according to its last output; None if that does not show it.
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
        """The slots that are available now; on a cluster these change with its nodes."""

    @property
    def ready(self) -> bool:
        """Whether the started trials have begun; until then their silence means nothing."""

    def start(self, job: Job, slot: Slot) -> None:
        """Starts a job on a free slot and returns at once."""

    def poll(self, handler: Handler, timeout_s: float) -> None:
        """Passes the trials' messages to `handler`, waiting at most `timeout_s` for the first.

        The decision that `handler` returns answers a `Started` or a `Report`.
        """

    def kill(self, number: int) -> None:
        """Ends a trial's process and everything it started, now; `Exited` follows."""

    def close(self) -> None:
        """Ends everything that still runs, and waits until it has ended."""
