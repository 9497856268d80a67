"""What a test says of the faults that it has brought about."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

FULL = os.environ.get("HPSEARCH_FAULTS") == "full"


def left_out(what: str) -> str:
    """Returns why a test does not run in the short round: `make test` prints it at its end."""
    return f"left to `make faults`: {what}"


@dataclass
class Score:
    """How often a test has struck, and the worst of what it measured."""

    strikes: int = 0
    figures: dict[str, float] = field(default_factory=dict)

    def struck(self, times: int = 1) -> None:
        """Counts a fault that was brought about."""
        self.strikes += times

    def worst(self, what: str, value: float) -> None:
        """Keeps the larger of two figures of one name (with its unit), such as `s to resume`."""
        self.figures[what] = max(value, self.figures.get(what, value))
