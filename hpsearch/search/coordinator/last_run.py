"""When a run of a search began and ended, and why it ended early, as the study keeps it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from hpsearch.search.coordinator.stop import SIGNALS
from hpsearch.search.store import StudyWriter
from hpsearch.search.store.keys import LAST_RUN

DRAINED = "drained by `hpsearch control`"


class LastRun:
    """Records that a run begins; one that is killed leaves no end.

    Args:
        writer: the study.
    """

    def __init__(self, writer: StudyWriter) -> None:
        self._writer = writer
        self._known = {"began": _now(), "ended": None, "why": ""}
        writer.set_attribute(LAST_RUN, self._known)

    def end(self, why: str, *, drained: bool, spent: int | None = None) -> None:
        """Records that it ends.

        Args:
            why: it ends before its budget is used up; empty if it does not.
            drained: whether it was to end once nothing trains.
            spent: the epochs in all that it has used up; None if they are not why it ends.
        """
        why = f"stopped by {why}" if why in SIGNALS.values() else why
        ended: dict[str, Any] = {"ended": _now(), "why": why or DRAINED * drained}
        if spent is not None and not ended["why"]:
            ended["spent"] = spent
        self._writer.set_attribute(LAST_RUN, self._known | ended)


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")
