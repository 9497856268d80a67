"""What failures mean for a search: which trial is tried again, and when the search must stop."""

from __future__ import annotations

from hpsearch.spec.messages import Ended

DEATHS_ALLOWED = 3
EQUAL_FAILURES_ALLOWED = 5


class Failures:
    """Counts how trials have failed while one command runs."""

    def __init__(self) -> None:
        self._deaths: dict[int, tuple[int, int]] = {}  # epochs it had done, and deaths since
        self._in_a_row: list[str] = []

    def died(self, number: int, epochs: int) -> int:
        """Returns how often this trial's process has died without getting on, now included.

        Args:
            number: the trial.
            epochs: how many it has done; one that gets on between its deaths may die often.
        """
        before, deaths = self._deaths.get(number, (epochs, 0))
        deaths = deaths + 1 if epochs == before else 1
        self._deaths[number] = epochs, deaths
        return deaths

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
