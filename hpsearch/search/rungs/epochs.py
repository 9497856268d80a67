"""A study's budget in epochs: what is spent, and what the running trials have reserved."""

from __future__ import annotations


class EpochBudget:
    """The epochs that a study may train in all its trials together.

    A running trial reserves the epochs up to its next stop, so that the budget is never exceeded,
    however many trials run at once.

    Args:
        total: epochs in all; None for no limit.
    """

    def __init__(self, total: int | None) -> None:
        self.total = total
        self._done: dict[int, int] = {}
        self._aims: dict[int, int] = {}
        self._taken = 0
        self._spent = 0

    @property
    def left(self) -> float:
        """Epochs that are neither trained nor reserved; infinite without a limit."""
        return float("inf") if self.total is None else self.total - self._taken

    @property
    def spent(self) -> int:
        """Epochs trained."""
        return self._spent

    @property
    def reserved(self) -> int:
        """Epochs that the running trials have reserved and not yet trained."""
        return self._taken - self._spent

    def fits(self, number: int, aim: int, reserve: int = 0) -> bool:
        """Returns whether a trial may train until an epoch, leaving a reserve untouched."""
        return aim - self.held(number) + reserve <= self.left

    def held(self, number: int) -> int:
        """Returns the epochs that a trial has trained or reserved."""
        return max(self._done.get(number, 0), self._aims.get(number, 0))

    def hold(self, number: int, aim: int) -> None:
        """Reserves what a trial needs to train until an epoch."""
        self._set(self._aims, number, max(aim, self._aims.get(number, 0)))

    def train(self, number: int, epoch: int) -> None:
        """Records how many epochs a trial has trained."""
        before = self._done.get(number, 0)
        self._set(self._done, number, max(epoch, before))
        self._spent += self._done[number] - before

    def release(self, number: int) -> None:
        """Releases the epochs that a trial has reserved but not trained: it has stopped."""
        self._set(self._aims, number, 0)

    def _set(self, which: dict[int, int], number: int, epoch: int) -> None:
        before = self.held(number)
        which[number] = epoch
        self._taken += self.held(number) - before
