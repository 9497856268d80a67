"""What failures mean for a search: which trial is tried again, and when the search must stop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hpsearch.engines.engine import Exited
from hpsearch.protocol.messages import Ended, FailureKind
from hpsearch.search.coordinator.running import RunningTrial

DEATHS_ALLOWED = 3
EQUAL_FAILURES_ALLOWED = 5
REFUSALS_ALLOWED = 20


class FailureTracker:
    """Counts how trials have failed while one command runs."""

    def __init__(self) -> None:
        self._deaths: dict[int, tuple[int, int]] = {}  # epochs it had done, and deaths since
        self._in_a_row: list[str] = []
        self._refused = 0

    def record_death(self, number: int, epochs: int) -> int:
        """Returns how often this trial's process has died without getting on, now included.

        Args:
            number: the trial.
            epochs: how many it has done; one that gets on between its deaths may die often.
        """
        before, deaths = self._deaths.get(number, (epochs, 0))
        deaths = deaths + 1 if epochs == before else 1
        self._deaths[number] = epochs, deaths
        return deaths

    def record_result(self, ended: Ended) -> str:
        """Returns why the search should stop: the same failure again and again; empty if not.

        A setting that a constructor refuses is a failure of the setting alone, unless all are.
        """
        if ended.failure_kind == "infeasible":
            self._refused += 1
            if self._refused < REFUSALS_ALLOWED:
                return ""
            return f"{REFUSALS_ALLOWED} settings in a row were refused: {ended.failure}"
        self._refused = 0
        self._in_a_row = [*self._in_a_row, ended.failure] if ended.how == "failed" else []
        last = self._in_a_row[-EQUAL_FAILURES_ALLOWED:]
        if len(last) < EQUAL_FAILURES_ALLOWED or len(set(last)) > 1:
            return ""
        return f"{EQUAL_FAILURES_ALLOWED} trials in a row failed in the same way: {last[0]}"


def describe_exit(code: int) -> str:
    """Returns how a process ended, in words.

    Args:
        code: the exit code; negative where a signal ended it, as in `subprocess`.
    """
    if code == -9:
        return "was killed (signal 9; perhaps the machine ran out of memory)"
    if code == -7:
        return "was ended by signal 7 (bus error; perhaps /dev/shm is full)"
    return f"was ended by signal {-code}" if code < 0 else f"ended early (exit code {code})"


Course = Literal["finish", "pause", "retry", "requeue", "wait_for_disk", "abort"]


@dataclass(frozen=True)
class ExitDecision:
    """What is to be done about a trial that is gone.

    Attributes:
        action: `finish` it as it `ended`; `pause` it until it is promoted; `retry` it at once from
            its last checkpoint; `requeue` it for `resume`; `wait_for_disk` and retry then; `abort`
            the search, since no trial can be trained as things are.
        ended: how it ended, where it is finished.
        reason: why its process is gone, where the trial itself is not over.
    """

    action: Course
    ended: Ended | None = None
    reason: str = ""


def decide_exit(
    running: RunningTrial, gone: Exited, failures: FailureTracker, stopping: bool
) -> ExitDecision:
    """Returns what becomes of a trial whose process is gone.

    Args:
        running: the trial, with all that it said.
        gone: how its process ended.
        failures: counts deaths without a word; this one is counted if it is one.
        stopping: whether the search ends.
    """
    said = running.ended
    if said is not None and said.fatal:
        return ExitDecision("abort", reason=said.failure)
    if running.paused_at and (said is None or said.how == "stopped"):
        # Its checkpoint was written before it reported, however its process ended then.
        return ExitDecision("pause")
    if said is not None and said.how != "stopped" and said.failure_kind != "disk":
        return ExitDecision("finish", said)
    if running.killed or (stopping and not running.timeout_reason):
        return ExitDecision("requeue", reason="interrupted")
    if said is not None and said.failure_kind == "disk":
        if failures.record_death(running.job.number, running.epochs) > DEATHS_ALLOWED:
            # There was room, as far as could be seen: another disk is full, or another writer is.
            return ExitDecision("abort", reason=said.failure)
        return ExitDecision("wait_for_disk", said, "found no room on the disk")
    if running.timeout_reason and not running.hung:
        return _failed(running.timeout_reason, "time limit")
    if said is not None:
        # It was told to leave (SIGTERM, a preemption) and nobody else was: no fault of its own.
        return ExitDecision("retry", reason="was told to stop")
    if gone.lost:
        return ExitDecision("retry", reason=gone.lost)
    if gone.oom:
        text = "the machine ran out of memory, and the kernel killed its process"
        return _failed(text, "out of memory")
    if gone.said is not None:
        return ExitDecision("finish", gone.said)
    reason = running.timeout_reason or describe_exit(gone.code)
    deaths = failures.record_death(running.job.number, running.epochs)
    if deaths > DEATHS_ALLOWED:
        text = f"its process {reason}, {deaths} times in a row"
        return _failed(text, "hang" if running.hung else "killed")
    return ExitDecision("retry", reason=reason)


def _failed(text: str, kind: FailureKind) -> ExitDecision:
    return ExitDecision("finish", Ended("failed", text, kind))
