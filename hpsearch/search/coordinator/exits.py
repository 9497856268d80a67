"""What a trial's end means: finish it, retry it, requeue it, or stop the search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hpsearch.engines.engine import Exited
from hpsearch.protocol.messages import Ended, FailureKind
from hpsearch.search.coordinator.running import RunningTrial

DEATHS_ALLOWED = 3
EQUAL_FAILURES_ALLOWED = 5
# Before any trial has trained, a second failure like the first is not due to the setting.
EQUAL_FAILURES_REHEARSED = 2
REJECTIONS_ALLOWED = 20

Action = Literal["finish", "pause", "retry", "requeue", "wait_for_disk", "abort"]


class FailureTracker:
    """Counts how trials have failed while one command runs.

    Attributes:
        rehearsing: whether each trial is rehearsed first, because none has trained yet.
    """

    def __init__(self, *, rehearsing: bool = False) -> None:
        self.rehearsing = rehearsing
        self._deaths: dict[int, tuple[int, int]] = {}  # epochs done, and deaths since
        self._in_a_row: list[str] = []
        self._refused: list[str] = []

    def deaths(self, number: int, epochs: int) -> int:
        """Returns how often this trial's process has died at this many epochs.

        A trial that makes progress between its deaths may die any number of times.
        """
        at, deaths = self._deaths.get(number, (epochs, 0))
        return deaths if at == epochs else 0

    def record_death(self, number: int, epochs: int) -> None:
        """Counts a death of this trial's process without a message, after this many epochs."""
        self._deaths[number] = epochs, self.deaths(number, epochs) + 1

    def record_result(self, ended: Ended) -> None:
        """Counts how a trial ended.

        A setting that a constructor refuses is the setting's failure, unless all are refused.
        """
        if ended.failure_kind == "infeasible":
            self._refused = [*self._refused, ended.failure]
            return
        self._refused = []
        self._in_a_row = [*self._in_a_row, ended.failure] if ended.how == "failed" else []

    @property
    def stop_reason(self) -> str:
        """Why the search should stop: a repeated failure; empty if it should not."""
        if len(self._refused) >= REJECTIONS_ALLOWED:
            return f"{REJECTIONS_ALLOWED} settings in a row were refused: {self._refused[-1]}"
        allowed = EQUAL_FAILURES_REHEARSED if self.rehearsing else EQUAL_FAILURES_ALLOWED
        last = self._in_a_row[-allowed:]
        if len(last) < allowed or len(set(last)) > 1:
            return ""
        return f"{allowed} trials in a row failed in the same way: {last[0]}"


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


@dataclass(frozen=True)
class ExitDecision:
    """What is to be done about a trial whose process is gone.

    Attributes:
        action: `finish` it as it `ended`; `pause` it until it is promoted; `retry` it at once from
            its last checkpoint; `requeue` it for `resume`; `wait_for_disk` and retry then; `abort`
            the search, since no trial can be trained at present.
        ended: how it ended, if it is finished.
        reason: why its process is gone, if the trial itself is not over.
        is_death: whether its process died without a message, which is tolerated a few times.
    """

    action: Action
    ended: Ended | None = None
    reason: str = ""
    is_death: bool = False


def decide_exit(
    running: RunningTrial, exited: Exited, earlier_deaths: int, *, stopping: bool
) -> ExitDecision:
    """Returns what to do with a trial whose process is gone. Changes nothing itself.

    Args:
        running: the trial, with all that it reported.
        exited: how its process ended.
        earlier_deaths: how often its process has died before, without progress since.
        stopping: whether the search is ending.
    """
    said, timeout = running.ended, running.timeout
    too_often = earlier_deaths + 1 > DEATHS_ALLOWED
    if said is not None and said.fatal:
        return ExitDecision("abort", reason=said.failure)
    if running.paused_at and (said is None or said.how == "stopped"):
        # Its checkpoint was written before it reported, no matter how its process ended.
        return ExitDecision("pause")
    if said is not None and said.how != "stopped" and said.failure_kind != "disk":
        return ExitDecision("finish", said)
    if running.killed or (stopping and timeout is None):
        return ExitDecision("requeue", reason="interrupted")
    if said is not None and said.failure_kind == "disk":
        if too_often:
            # There seemed to be space: perhaps another disk is full.
            return ExitDecision("abort", reason=said.failure)
        return ExitDecision("wait_for_disk", said, "found no space on the disk", is_death=True)
    if timeout is not None and not timeout.hung:
        return _failed(timeout.reason, "time limit")
    if said is not None:
        # Only its process was asked to terminate (SIGTERM, a preemption).
        return ExitDecision("retry", reason="was asked to stop")
    if exited.lost:
        return ExitDecision("retry", reason=exited.lost)
    if exited.oom:
        text = "the machine ran out of memory, and the kernel killed its process"
        return _failed(text, "out of memory")
    if exited.said is not None:
        return ExitDecision("finish", exited.said)
    reason = describe_exit(exited.code) if timeout is None else timeout.reason
    if too_often:
        text = f"its process {reason}, {earlier_deaths + 1} times in a row"
        return _failed(text, "killed" if timeout is None else "hang")
    return ExitDecision("retry", reason=reason, is_death=True)


def _failed(text: str, kind: FailureKind) -> ExitDecision:
    return ExitDecision("finish", Ended("failed", text, kind))
