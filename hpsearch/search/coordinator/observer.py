"""The events that a live view receives while a search runs."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Protocol, final

from hpsearch.protocol.messages import Progress
from hpsearch.protocol.types import Scalar
from hpsearch.search.store import StudyRecord, TrialRecord


class Observer(Protocol):
    """Receives every event of a running search, in order, in the coordinator's own thread."""

    def opened(self, study: StudyRecord, slots: list[str]) -> None:
        """Receives the beginning of a search: the trials on record, and its slots' names.

        A cluster has none yet: its nodes bring them.
        """

    def started(
        self, number: int, slot: str, params: Mapping[str, Scalar], from_epoch: int
    ) -> None:
        """Receives the start of a trial on a slot, or its continuation after `from_epoch`."""

    def progressed(self, number: int, progress: Progress) -> None:
        """Receives a trial's progress within its epoch."""

    def reported(self, number: int, step: int, values: Mapping[str, float]) -> None:
        """Receives a trial's objective values after epoch (or validation) `step`."""

    def ended(self, trial: TrialRecord) -> None:
        """Receives a trial that is finished (complete, pruned, failed) or waits to be resumed."""

    def changed(self, budget: int | None, waiting: Sequence[TrialRecord]) -> None:
        """Receives what a command may have changed: the trials in all, and those that are next."""

    def note(self, text: str) -> None:
        """Receives what a person should read once: a retry, an error, a requested stop."""

    def refresh(self) -> None:
        """Redraws; called at least four times a second."""

    def closed(self, study: StudyRecord) -> None:
        """Receives the end of the search, with the study's final record."""


@final
class LogObserver:
    """Writes notes and the end of each trial to the logger `hpsearch`; prints nothing."""

    def __init__(self) -> None:
        self._log = logging.getLogger("hpsearch")

    def opened(self, study: StudyRecord, slots: list[str]) -> None:
        """Logs where the search runs."""
        self._log.info("%s: %d trials, slots %s", study.name, len(study.trials), ", ".join(slots))

    def started(
        self, number: int, slot: str, params: Mapping[str, Scalar], from_epoch: int
    ) -> None:
        """Logs that a trial begins."""
        self._log.debug("trial %d begins on %s after epoch %d", number, slot, from_epoch)

    def progressed(self, number: int, progress: Progress) -> None:
        """Logs nothing: this comes several times a second."""

    def reported(self, number: int, step: int, values: Mapping[str, float]) -> None:
        """Logs an epoch's values."""
        self._log.debug("trial %d, epoch %d: %s", number, step, dict(values))

    def ended(self, trial: TrialRecord) -> None:
        """Logs how a trial ended."""
        self._log.info("trial %d %s: %s", trial.number, trial.state, trial.values)

    def changed(self, budget: int | None, waiting: Sequence[TrialRecord]) -> None:
        """Logs nothing: the note on the command says it."""

    def note(self, text: str) -> None:
        """Logs what a person should read once."""
        self._log.warning(text)

    def refresh(self) -> None:
        """Draws nothing."""

    def closed(self, study: StudyRecord) -> None:
        """Logs that the search is over."""
        self._log.info("%s: %s", study.name, study.state)
