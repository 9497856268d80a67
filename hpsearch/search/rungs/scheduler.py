"""Decides which trial continues, pauses or is next, within the budget in epochs."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Mapping, Sequence

from hpsearch.protocol.types import Direction, sign_of
from hpsearch.search.rungs.epochs import EpochBudget
from hpsearch.search.rungs.ladder import Ladder, Promotion, RungDecision
from hpsearch.search.rungs.pareto import Losses

AUDITED = "it would pause, but trains to its end to audit the rung"
OUT_OF_EPOCHS = "the study's budget in epochs is spent, except for one whole training"


class Scheduler:
    """The rungs of a study and its budget in epochs.

    Until a trial has been trained to its end, the epochs that the leader needs for that are kept
    for it, so that a study that uses up its budget leaves a fully trained model. The leader is the
    best trial of the highest rung that any has reached.

    Args:
        ladder: the rungs; none where nothing pauses.
        epochs: the budget in epochs.
        longest: the most epochs that a trial may take.
        directions: of the objectives; the first decides which epoch of a trial is its best.
    """

    def __init__(
        self, ladder: Ladder, epochs: EpochBudget, longest: int, directions: Iterable[Direction]
    ) -> None:
        self.ladder = ladder
        self.epochs = epochs
        self._longest = longest
        self._signs = [-sign_of(direction) for direction in directions]
        self._last_epochs: dict[int, int] = {}
        self._done: dict[int, int] = {}
        self._whole: set[int] = set()

    def restore(
        self,
        number: int,
        curve: Mapping[int, Sequence[float]],
        promoted: Collection[int],
        *,
        whole: bool = False,
    ) -> int:
        """Adds a trial of an earlier run.

        Args:
            number: the trial.
            curve: its values after each epoch reported.
            promoted: the rungs that it has continued from.
            whole: whether it was trained to its end.

        Returns:
            The rung where it is paused; 0 if it is between rungs.
        """
        losses = {epoch: self._losses(values) for epoch, values in curve.items()}
        rung = self.ladder.restore(number, losses, promoted)
        self._note(number, max(curve, default=0))
        if whole:
            self.finish(number)
        return rung

    def begin(self, number: int, epochs: int, *, whole: bool = False) -> None:
        """Records that a trial, with this many epochs in all, trains until its next stop."""
        done = self._done.get(number, 0)
        self._last_epochs[number] = epochs
        self._aim(number, epochs if whole else self.ladder.next_stop(done, epochs))

    def report(
        self,
        number: int,
        epoch: int,
        values: Sequence[float],
        *,
        whole: bool = False,
        audit: bool = False,
    ) -> RungDecision:
        """Records a trial's values after an epoch, and decides what it does.

        Args:
            number: the trial.
            epoch: epochs done.
            values: of the objectives.
            whole: whether it trains to its end without pausing.
            audit: the same, from the rung where it would pause, if the budget has the epochs.
        """
        decision = self.ladder.report(number, epoch, self._losses(values), whole=whole)
        self._note(number, epoch)
        if self.is_at_end(number, epoch):
            return RungDecision("continue")
        if not decision.rung:
            return decision
        end = self._last_epochs.get(number, self._longest)
        if decision.action == "pause":
            if not (audit and self.epochs.fits(number, end, self._reserve(number))):
                return decision
            self.ladder.promote(number)
            self.epochs.hold(number, end)
            return RungDecision("continue", decision.rung, AUDITED)
        aim = self.ladder.next_stop(epoch, end)
        if not self.epochs.fits(number, aim, self._reserve(number)):
            self.ladder.demote(number, decision.rung)
            return RungDecision("pause", decision.rung, OUT_OF_EPOCHS)
        self._aim(number, aim)
        return decision

    def is_at_end(self, number: int, epoch: int) -> bool:
        """Returns whether a trial has nothing left to train after an epoch."""
        return epoch >= self._last_epochs.get(number, self._longest)

    def stop(self, number: int) -> None:
        """Records that a trial has stopped for now, and releases its reserved epochs."""
        self.epochs.release(number)
        self._whole.discard(number)

    def finish(self, number: int) -> None:
        """Records that a trial was trained to its end."""
        self.epochs.release(number)
        self._whole.add(number)

    def lose(self, number: int) -> None:
        """Records that a trial ended early and can never be promoted."""
        self.stop(number)
        self.ladder.lose(number)

    def may_begin(self) -> bool:
        """Returns whether the budget has the epochs for a new trial, up to its first stop."""
        first = self.ladder.next_stop(0, self._longest)
        return first + self._reserve() <= self.epochs.left

    def promotion(self, paused: Container[int], *, closing: bool = False) -> Promotion | None:
        """Returns the paused trial that continues next; None if none may.

        Args:
            paused: the paused trials, by number; a process may still be leaving one of them.
            closing: no more trials will begin; see `ladder.places`.
        """
        for found in self.ladder.promotable(closing=closing):
            if found.number not in paused:
                continue
            end = self._last_epochs.get(found.number, self._longest)
            aim = self.ladder.next_stop(found.rung, end)
            if self.epochs.fits(found.number, aim, self._reserve(found.number)):
                return found
        return None

    def _losses(self, values: Sequence[float]) -> Losses:
        return tuple(sign * value for sign, value in zip(self._signs, values, strict=True))

    def _reserve(self, number: int | None = None) -> int:
        """Returns the epochs that this trial, or a new one, must leave for the leader."""
        leader = self.ladder.leader()
        if self._whole or (leader is not None and leader == number):
            return 0
        if leader is None:
            return self._longest - self.ladder.next_stop(0, self._longest)
        return self._last_epochs.get(leader, self._longest) - self.epochs.held(leader)

    def _aim(self, number: int, epoch: int) -> None:
        self.epochs.hold(number, epoch)
        if epoch >= self._last_epochs.get(number, self._longest):
            self._whole.add(number)

    def _note(self, number: int, epoch: int) -> None:
        self._done[number] = max(epoch, self._done.get(number, 0))
        self.epochs.train(number, epoch)
