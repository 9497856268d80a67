"""The base of views that are redrawn."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence

from hpsearch.protocol.messages import Progress
from hpsearch.protocol.types import Scalar
from hpsearch.search.store import StudyRecord, TrialRecord
from hpsearch.views.live.search_state import SearchState


class AbstractRedrawnView(ABC):
    """Keeps the state of a running search for the next drawing. Most of an Observer.

    Args:
        clock: seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._state: SearchState | None = None
        self._drawn_s = float("-inf")

    def opened(self, study: StudyRecord, slots: list[str]) -> None:
        """Begins with what is on record already."""
        self._state = SearchState(study, tuple(slots), self._clock())

    def started(
        self, number: int, slot: str, params: Mapping[str, Scalar], from_epoch: int
    ) -> None:
        """Shows a trial on its slot."""
        if self._state:
            self._state.started(number, slot, params, from_epoch, self._clock())

    def progressed(self, number: int, progress: Progress) -> None:
        """Updates a slot's progress."""
        if self._state:
            self._state.progressed(number, progress, self._clock())

    def reported(self, number: int, step: int, values: Mapping[str, float]) -> None:
        """Adds a value to a trial's curve."""
        if self._state:
            self._state.reported(number, step, values)

    def ended(self, trial: TrialRecord) -> None:
        """Moves a trial from its slot into the table, and notes a failure."""
        if self._state:
            self._state.ended(trial)
        if trial.state == "failed":
            self.note(f"trial {trial.number} failed: {trial.failure}")

    def changed(self, budget: int | None, waiting: Sequence[TrialRecord]) -> None:
        """Shows the new budget, and the trials that are next."""
        if self._state:
            self._state.changed(budget, waiting)

    @abstractmethod
    def note(self, text: str) -> None:
        """Shows a line that a person should read."""
