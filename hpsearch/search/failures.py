"""What failures mean for a search: which trial is tried again, and when the search must stop."""

from __future__ import annotations

from hpsearch.spec.messages import Ended

DEATHS_ALLOWED = 3
EQUAL_FAILURES_ALLOWED = 5


class Failures:
    """Counts how trials have failed while one command runs."""

    def __init__(self) -> None:
        self._deaths: dict[int, int] = {}
        self._in_a_row: list[str] = []

    def died(self, number: int) -> int:
        """Returns how often this trial's process has died without a word, this time included."""
        self._deaths[number] = self._deaths.get(number, 0) + 1
        return self._deaths[number]

    def settled(self, ended: Ended) -> str:
        """Returns why the search should stop: the same failure again and again; empty if not."""
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
    return f"was ended by signal {-code}" if code < 0 else f"ended early (exit code {code})"
