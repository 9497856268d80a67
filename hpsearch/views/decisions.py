"""A trial's decisions in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_DONE = {"continue": "continued", "pause": "paused", "prune": "pruned"}


def decision_words(decision: Mapping[str, Any]) -> str:
    """Returns `pruned by MedianPruner: its best ...`, `paused: place 3 of 4 ...`."""
    done, reason = _DONE.get(decision["action"], "stopped"), str(decision["reason"])
    if not reason:
        return done
    return f"{done} {reason}" if reason.startswith("by ") else f"{done}: {reason}"
