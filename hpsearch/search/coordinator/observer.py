"""What a live view is told while a search runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from hpsearch.protocol.messages import Progress
from hpsearch.protocol.types import Scalar
from hpsearch.search.store import StudyRecord, TrialRecord


class Observer(Protocol):
    """Receives every event of a running search, in order, in the coordinator's own thread."""

    def opened(self, study: StudyRecord, slots: list[str]) -> None:
        """The search begins with these trials on record, on the slots of these names.

        On a cluster there are none yet: each node's come in with it.
        """

    def started(
        self, number: int, slot: str, params: Mapping[str, Scalar], from_epoch: int
    ) -> None:
        """A trial begins on a slot, or goes on after `from_epoch` epochs."""

    def progressed(self, number: int, progress: Progress) -> None:
        """A trial is this far in its epoch."""

    def reported(self, number: int, step: int, values: Mapping[str, float]) -> None:
        """A trial has finished epoch `step` with these objective values."""

    def ended(self, trial: TrialRecord) -> None:
        """A trial is finished (complete, pruned, failed) or waits to be resumed (waiting)."""

    def note(self, text: str) -> None:
        """Something a person should read once: a retry, a fault, a stop that was asked for."""

    def refresh(self) -> None:
        """Called at least four times a second: redraw."""

    def closed(self, study: StudyRecord) -> None:
        """The search is over; the study as it stands now."""
