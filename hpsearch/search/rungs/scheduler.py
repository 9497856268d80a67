"""Decides which trial continues, pauses or is next, within the budget in epochs."""

from __future__ import annotations

import math
from collections.abc import Collection, Container, Iterable, Mapping, Sequence

from hpsearch.protocol.types import FINALISTS, Direction, sign_of
from hpsearch.search.rungs.epochs import EpochBudget
from hpsearch.search.rungs.ladder import FINISHES, Ladder, Promotion, RungDecision
from hpsearch.search.rungs.pareto import Losses
from hpsearch.search.rungs.time import TimeBudget

AUDITED = "it would pause, but trains to its end to audit the rung"
KEPT = "the rest of the budget is kept for trials that it can train to their end"


class Scheduler:
    """The rungs of a study and its budget in epochs and in time.

    The last training's worth of the budget goes to paused trials. It begins when the rest could no
    longer train a new trial to its end, or is what the finalists need to be trained to theirs: the
    best three trials of the highest rungs, fewer if they would take more than half of the budget.
    From then on, a trial continues only if it can be trained to its end. Where all trainings so far
    ended early, such as by early stopping, the end is assumed where the longest of them ended.

    Args:
        ladder: the rungs; none where nothing pauses.
        epochs: the budget in epochs.
        longest: the most epochs that a trial may take.
        directions: of the objectives; the first decides which epoch of a trial is its best.
        finalists: how many whole models the study should leave; 0 if nobody knows how many epochs
            a whole one takes.

    Attributes:
        time: the budget in time.
    """

    def __init__(
        self,
        ladder: Ladder,
        epochs: EpochBudget,
        longest: int,
        directions: Iterable[Direction],
        finalists: int = FINALISTS,
    ) -> None:
        self.ladder = ladder
        self.epochs = epochs
        self.time = TimeBudget()
        self._longest = longest
        self._finalists = finalists
        self._signs = [-sign_of(direction) for direction in directions]
        self._last_epochs: dict[int, int] = {}
        self._done: dict[int, int] = {}
        self._whole: set[int] = set()
        self._shares: set[float] = set()  # of their epochs, that whole trials have trained

    def restore(
        self,
        number: int,
        curve: Mapping[int, Sequence[float]],
        promoted: Collection[int],
        *,
        whole: bool = False,
        seconds: float = 0.0,
    ) -> int:
        """Adds a trial of an earlier run.

        Args:
            number: the trial.
            curve: its values after each epoch reported.
            promoted: the rungs that it has continued from.
            whole: whether it was trained to its end.
            seconds: how long it has trained.

        Returns:
            The rung where it is paused; 0 if it is between rungs.
        """
        losses = {epoch: self._losses(values) for epoch, values in curve.items()}
        rung = self.ladder.restore(number, losses, promoted)
        self._note(number, max(curve, default=0), seconds)
        if whole:
            self.finish(number)
        return rung

    def expect(self, number: int) -> None:
        """Reserves the epochs up to its first stop for a new trial that begins later."""
        self.epochs.hold(number, self._next_stop(number))

    def begin(self, number: int, epochs: int, *, whole: bool = False) -> None:
        """Records that a trial, with this many epochs in all, trains until its next stop."""
        self._last_epochs[number] = epochs
        last = self._done.get(number, 0) > 0 and self.finishing and self._ends(number)
        stop = self._likely_end(number) if last else self._next_stop(number)
        self._aim(number, epochs if whole else stop)

    def report(
        self,
        number: int,
        epoch: int,
        values: Sequence[float],
        *,
        whole: bool = False,
        audit: bool = False,
        seconds: float = 0.0,
    ) -> RungDecision:
        """Records a trial's values after an epoch, and decides what it does.

        Args:
            number: the trial.
            epoch: epochs done.
            values: of the objectives.
            whole: whether it trains to its end without pausing.
            audit: the same, from the rung where it would pause, if the budget has the epochs.
            seconds: how long it has trained.
        """
        decision = self.ladder.report(number, epoch, self._losses(values), whole=whole)
        self._note(number, epoch, seconds)
        if self.is_at_end(number, epoch):
            return RungDecision("continue")
        if not decision.rung or (decision.action == "continue" and number in self._whole):
            return decision
        end = self._end(number)
        if decision.action == "pause":
            if number in self._whole and self._best_waiting(decision.rung) == number:
                self.ladder.promote(number)
                return RungDecision("continue", decision.rung, FINISHES)
            if not (audit and self.epochs.fits(number, end, self._reserve(number))):
                return decision
            self.ladder.promote(number)
            self.epochs.hold(number, end)
            return RungDecision("continue", decision.rung, AUDITED)
        finishing = self.finishing
        last = finishing and self._ends(number)
        makes_way = finishing and not last and self._makes_way()
        if not last and (makes_way or not self._reaches_next_stop(number)):
            self.ladder.demote(number, decision.rung)
            return RungDecision("pause", decision.rung, KEPT)
        self._aim(number, self._likely_end(number) if last else self._next_stop(number))
        return decision

    def is_at_end(self, number: int, epoch: int) -> bool:
        """Returns whether a trial has nothing left to train after an epoch."""
        return epoch >= self._end(number)

    def stop(self, number: int) -> None:
        """Records that a trial has stopped for now, and releases its reserved epochs."""
        self.epochs.release(number)
        self._whole.discard(number)

    def finish(self, number: int) -> None:
        """Records that a trial was trained to its end."""
        self.epochs.release(number)
        self._whole.add(number)
        self._shares.add(min(1.0, self._done.get(number, 0) / self._end(number)))

    def lose(self, number: int) -> None:
        """Records that a trial ended early and can never be promoted."""
        self.stop(number)
        self.ladder.lose(number)

    @property
    def finishing(self) -> bool:
        """Whether only the last training's worth of the budget is left."""
        in_time = not self._finalists or self.time.fits(None, self._likely_end())
        return not (in_time and self._allows_new(self._left))

    def may_begin(self) -> bool:
        """Returns whether the budget in epochs allows a new trial.

        In its last training's worth of time, a new trial may still begin if no paused one can be
        trained to its end: the next run of the study can continue it.
        """
        return self._allows_new(self.epochs.left)

    def promotion(self, paused: Container[int], *, closing: bool = False) -> Promotion | None:
        """Returns the paused trial that continues next; None if none may.

        With the last training's worth of the budget, it is one that can be trained to its end: as
        if no more trials began, and after those whatever its place, of the highest rung first.

        Args:
            paused: the paused trials, by number; a process may still be leaving one of them.
            closing: no more trials will begin; see `ladder.places`.
        """
        if self.finishing:
            best_first = [*self.ladder.promotable(closing=True), *self.ladder.waiting()]
            waiting = (found for found in best_first if found.number in paused)
            last = next((found for found in waiting if self._ends(found.number)), None)
            if last or not self.may_begin():
                return last
        for found in self.ladder.promotable(closing=closing):
            if found.number in paused and self._reaches_next_stop(found.number):
                return found
        return None

    def _losses(self, values: Sequence[float]) -> Losses:
        return tuple(sign * value for sign, value in zip(self._signs, values, strict=True))

    @property
    def _left(self) -> float:
        """The epochs that the budgets in epochs and in time leave, beside those reserved."""
        return min(self.epochs.left, self.time.epochs_left - self.epochs.reserved)

    def _end(self, number: int) -> int:
        return self._last_epochs.get(number, self._longest)

    def _next_stop(self, number: int) -> int:
        return self.ladder.next_stop(self._done.get(number, 0), self._end(number))

    def _reaches_next_stop(self, number: int) -> bool:
        return self.epochs.fits(number, self._next_stop(number), self._reserve(number))

    def _ends(self, number: int) -> bool:
        """Returns whether the budget can train a trial to its end."""
        end = self._likely_end(number)
        in_time = self.time.fits(number, end - self._done.get(number, 0))
        return in_time and self.epochs.fits(number, end, self._reserve(number))

    def _likely_end(self, number: int | None = None) -> int:
        """Returns the stop by which a trial, or a new one, is likely to be whole."""
        end, done = self._longest, 0
        if number is not None:
            end, done = self._end(number), self._done.get(number, 0)
        likely = max(math.ceil(max(self._shares, default=1.0) * end), done + 1)
        return self.ladder.next_stop(min(likely, end) - 1, end)

    def _makes_way(self) -> bool:
        """Returns whether a trial that cannot become whole pauses for one that can, or for good."""
        return not self.may_begin() or any(self._ends(p.number) for p in self.ladder.waiting())

    def _best_waiting(self, rung: int) -> int | None:
        return next((p.number for p in self.ladder.waiting() if p.rung == rung), None)

    def _allows_new(self, left: float) -> bool:
        """Returns whether these epochs train a new trial to its end, and leave the reserve."""
        first = self.ladder.next_stop(0, self._longest)
        needed = self._likely_end() if self._finalists else first
        return math.isinf(left) or max(needed, first + self._reserve()) <= left

    def _reserve(self, number: int | None = None) -> int:
        """Returns the epochs that this trial, or a new one, must leave for the finalists before it.

        Those that are trained to their end need none, nor do those that will be.
        """
        missing = self._wanted() - len(self._whole)
        needs: list[int] = []
        for other in self.ladder.ranked():
            if len(needs) >= missing or other == number:
                return sum(needs)
            if other not in self._whole:
                needs.append(max(0, self._likely_end(other) - self.epochs.held(other)))
        unknown = self._likely_end() - self.ladder.next_stop(0, self._longest)
        return sum(needs) + max(0, missing - len(needs)) * unknown

    def _wanted(self) -> int:
        """Returns how many finalists there should be: they may take half of the budget."""
        total = self.epochs.spent + self.epochs.reserved + self._left
        affordable = max(1.0, total / (2 * self._likely_end()))
        return int(min(self._finalists, affordable))

    def _aim(self, number: int, epoch: int) -> None:
        self.epochs.hold(number, epoch)
        if epoch >= self._end(number):
            self._whole.add(number)

    def _note(self, number: int, epoch: int, seconds: float) -> None:
        self._done[number] = max(epoch, self._done.get(number, 0))
        self.epochs.train(number, epoch)
        self.time.train(number, self._done[number], seconds)
