"""What becomes of a trial whose process is gone, from what it said and how its process ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hpsearch.engines.engine import Gone
from hpsearch.search.active import Active
from hpsearch.search.failures import DEATHS_ALLOWED, Failures, describe_exit
from hpsearch.spec.messages import Ended, Kind

Course = Literal["settle", "go on", "set aside", "wait for room", "end the search"]


@dataclass(frozen=True)
class Fate:
    """What is to be done about a trial that is gone.

    Attributes:
        course: `settle` it as it `ended`; `go on` with it at once from its last checkpoint; `set
            aside`, for `resume`; `wait for room` on the disk and go on; `end the search`, since no
            trial can be trained as things are.
        ended: how it ended, where it is settled.
        reason: why its process is gone, where the trial itself is not over.
    """

    course: Course
    ended: Ended | None = None
    reason: str = ""


def fate_of(active: Active, gone: Gone, failures: Failures, stopping: bool) -> Fate:
    """Returns what becomes of a trial whose process is gone.

    Args:
        active: the trial, with all that it said.
        gone: how its process ended.
        failures: counts deaths without a word; this one is counted if it is one.
        stopping: whether the search ends.
    """
    said = active.ended
    if said is not None and said.fatal:
        return Fate("end the search", reason=said.failure)
    if said is not None and said.how != "stopped" and said.failure_kind != "disk":
        return Fate("settle", said)
    if active.killed or (stopping and not active.overdue):
        return Fate("set aside", reason="interrupted")
    if said is not None and said.failure_kind == "disk":
        if failures.died(active.job.number, active.epochs) > DEATHS_ALLOWED:
            # There was room, as far as could be seen: another disk is full, or another writer is.
            return Fate("end the search", reason=said.failure)
        return Fate("wait for room", said, "found no room on the disk")
    if active.overdue and not active.silent:
        return _failed(active.overdue, "time limit")
    if said is not None:
        # It was told to leave (SIGTERM, a preemption) and nobody else was: no fault of its own.
        return Fate("go on", reason="was told to stop")
    if gone.oom:
        text = "the machine ran out of memory, and the kernel killed its process"
        return _failed(text, "out of memory")
    reason = active.overdue or describe_exit(gone.code)
    deaths = failures.died(active.job.number, active.epochs)
    if deaths > DEATHS_ALLOWED:
        text = f"its process {reason}, {deaths} times in a row"
        return _failed(text, "hang" if active.silent else "killed")
    return Fate("go on", reason=reason)


def _failed(text: str, kind: Kind) -> Fate:
    return Fate("settle", Ended("failed", text, kind))
