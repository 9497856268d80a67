"""The time that a run of a study has left, in epochs."""

from __future__ import annotations

import math


class TimeBudget:
    """How much may be trained until a study's time is up, given how fast its trials train.

    Attributes:
        left_s: seconds until nothing trains any more; infinite without a limit.
        slots: trials that train at once.
    """

    def __init__(self) -> None:
        self.left_s = math.inf
        self.slots = 1
        self._trained: dict[int, tuple[int, float]] = {}
        self._epochs, self._seconds = 0, 0.0

    @property
    def epochs_left(self) -> float:
        """Epochs that all slots together can train at the mean speed of all trials so far.

        Infinite without a limit, and before the first epoch.
        """
        if not self._seconds:
            return math.inf
        return self.slots * self.left_s * self._epochs / self._seconds

    def fits(self, number: int | None, epochs: int) -> bool:
        """Returns whether a trial can train so many epochs more; one more is kept as a margin.

        Args:
            number: the trial, at its own speed; None for a new one, at the mean speed.
            epochs: how many.
        """
        mean = self._epochs, self._seconds
        done, seconds = mean if number is None else self._trained.get(number, mean)
        return not done or (epochs + 1) * seconds / done <= self.left_s

    def train(self, number: int, epochs: int, seconds: float) -> None:
        """Records how many epochs a trial has trained, and in which time."""
        known_epochs, known_seconds = self._trained.get(number, (0, 0.0))
        self._trained[number] = epochs, seconds
        self._epochs += epochs - known_epochs
        self._seconds += seconds - known_seconds
