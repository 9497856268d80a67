"""What happens when a trial leaves its slot: it is shown, and checkpoints are removed."""

from __future__ import annotations

from collections.abc import Callable

from hpsearch.search.coordinator.observer import Observer
from hpsearch.search.coordinator.retention import Retention
from hpsearch.search.store import StudyWriter, TrialRecord


class Cleanup:
    """Ends paused trials that can no longer be promoted, or for which there is no disk space.

    Args:
        writer: the study.
        observer: notified of every trial that ends or pauses.
        retention: removes checkpoints.
        record: reads a trial back.
    """

    def __init__(
        self,
        writer: StudyWriter,
        observer: Observer,
        retention: Retention,
        record: Callable[[int], TrialRecord],
    ) -> None:
        self._writer = writer
        self._observer = observer
        self._retention = retention
        self._record = record

    def after(self, number: int, to_come: int | None) -> None:
        """Shows a trial that has ended or paused, and ends paused trials that cannot be promoted.

        Args:
            number: the trial.
            to_come: how many more trials the study may start; None for no limit.
        """
        self._show(number)
        pauses = self._writer.pauses
        for hopeless in pauses.out_of_reach(to_come):
            self.give_up(hopeless, "it can no longer be among the best")
        while self._retention.over_budget and (worst := pauses.worst()) is not None:
            self.give_up(worst, "the disk is full, and it is the least likely to continue")

    def close(self) -> None:
        """Ends every paused trial: the budget is used up, so nothing can promote them."""
        for number in self._writer.pauses.numbers:
            self.give_up(number, "the search ended, and nothing promoted it")

    def give_up(self, number: int, reason: str) -> None:
        """Ends a paused trial: it is pruned where it paused."""
        self._writer.give_up(number, reason)
        self._show(number)

    def _show(self, number: int) -> None:
        trial = self._record(number)
        self._observer.ended(trial)
        self._retention.take(trial)
