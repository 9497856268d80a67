"""Asynchronous successive halving with pauses, in one bracket (ASHA: Li et al. 2020, 1810.05934).

A trial pauses at each rung. The best of a rung, one in `eta`, continue to the next one as soon as
they are known to be the best; they do not wait for the other trials of the rung.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from hpsearch.protocol.types import FINALISTS
from hpsearch.search.rungs.pareto import Losses, best_first

Action = Literal["continue", "pause", "prune"]
ETA = 4
FIRST = 1
FINISHES = "the rest of the budget trains it to its end"


@dataclass(frozen=True)
class RungDecision:
    """What a trial does after an epoch.

    Attributes:
        action: continue, pause, or prune, which ends the trial.
        rung: epochs of the rung that it has reached; 0 between rungs.
        reason: why; empty between rungs.
    """

    action: Action
    rung: int = 0
    reason: str = ""


@dataclass(frozen=True)
class Promotion:
    """A paused trial that may continue, the epochs of the rung it is paused at, and why."""

    number: int
    rung: int
    reason: str = field(default="", compare=False)


def rungs_up_to(epochs: int, eta: int = ETA, first: int = FIRST) -> tuple[int, ...]:
    """Returns the epochs at which trials pause: `first`, `first * eta`, ... below `epochs`."""
    rungs: list[int] = []
    while (rung := first * eta ** len(rungs)) < epochs:
        rungs.append(rung)
    return tuple(rungs)


def places(met: int, eta: int, *, closing: bool = False) -> int:
    """Returns how many of the trials that reached a rung may continue: one in `eta`.

    Args:
        met: trials that reached the rung.
        eta: one trial in this many continues.
        closing: no more trials will begin; rounds up, and promotes enough trials of each rung for a
            confirmation, so that the study ends with fully trained models to compare.
    """
    return max(-(-met // eta), min(met, FINALISTS)) if closing else met // eta


def decide(rung: int, place: int, met: int, eta: int) -> RungDecision:
    """Returns what a trial does when it reaches a rung.

    Args:
        rung: epochs of the rung.
        place: its place among the trials that reached the rung, from 1.
        met: how many trials reached the rung, itself included.
        eta: one trial in this many continues.
    """
    best = places(met, eta)
    rule = _rule(rung, place, met, best, eta)
    return RungDecision("continue" if place <= best else "pause", rung, rule)


def _rule(rung: int, place: int, met: int, best: int, eta: int) -> str:
    few = {0: f"none continues before {eta} have come", 1: "the best one continues"}
    who = few.get(best, f"the best {best} continue")
    return f"place {place} of {met} at rung {rung}, where {who}"


@dataclass
class _Rung:
    """A rung: the losses of each trial there, and the trials that continued."""

    epochs: int
    ranked: list[int] = field(default_factory=list)
    met: dict[int, Losses] = field(default_factory=dict)
    promoted: set[int] = field(default_factory=set)

    def meet(self, number: int, losses: Losses) -> int:
        """Adds a trial and returns its place, from 1."""
        self.met[number] = losses
        if len(losses) == 1:
            insort(self.ranked, number, key=self._place)
        else:
            self.ranked = best_first(self.met)
        return self.ranked.index(number) + 1

    def _place(self, number: int) -> tuple[Losses, int]:
        return self.met[number], number


class Ladder:
    """The rungs of a study, with the trials that have reached them.

    Args:
        rungs: the epochs at which trials pause, ascending.
        eta: one trial in this many continues.
    """

    def __init__(self, rungs: Iterable[int], eta: int = ETA) -> None:
        self.eta = eta
        self._rungs = [_Rung(epochs) for epochs in rungs]
        self._best: dict[int, Losses] = {}
        self._lost: set[int] = set()

    @property
    def rungs(self) -> tuple[int, ...]:
        """The epochs at which trials pause, ascending."""
        return tuple(rung.epochs for rung in self._rungs)

    def report(
        self, number: int, epoch: int, losses: Losses, *, whole: bool = False
    ) -> RungDecision:
        """Records a trial's losses after an epoch, and decides if the epoch is at a rung.

        A trial is ranked by its best epoch up to the rung, by the first objective. If not every
        epoch is reported, the first report at or after a rung counts for the rung.

        Args:
            number: the trial.
            epoch: epochs done.
            losses: one for each objective; smaller is better.
            whole: whether it trains to its end without pausing.
        """
        best = self._keep_best(number, losses)
        decision = RungDecision("continue")
        for rung in self._rungs:
            if rung.epochs > epoch:
                break
            if number in rung.met:
                continue
            decision = decide(rung.epochs, rung.meet(number, best), len(rung.met), self.eta)
            if whole:
                decision = RungDecision("continue", rung.epochs, "it trains to its end")
            if decision.action == "continue":
                rung.promoted.add(number)
        return decision

    def restore(self, number: int, curve: Mapping[int, Losses], promoted: Collection[int]) -> int:
        """Adds a trial of an earlier run without deciding anything.

        Args:
            number: the trial.
            curve: its losses after each epoch reported.
            promoted: the rungs that it has continued from.

        Returns:
            The rung where it is paused: it reached it with its last report and has not continued.
            0 if it is between rungs.
        """
        resting = None
        for epoch in sorted(curve):
            best = self._keep_best(number, curve[epoch])
            if resting is not None:
                resting.promoted.add(number)
            resting = None
            for rung in self._rungs:
                if rung.epochs <= epoch and number not in rung.met:
                    rung.meet(number, best)
                    rung.promoted |= {number} if rung.epochs in promoted else set()
                    resting = rung
        return resting.epochs if resting and number not in resting.promoted else 0

    def promote(self, number: int) -> None:
        """Records that a trial continues from every rung that it has reached."""
        for rung in self._rungs:
            if number in rung.met:
                rung.promoted.add(number)

    def demote(self, number: int, epochs: int) -> None:
        """Undoes the promotion of a trial from a rung: it pauses there after all."""
        for rung in self._rungs:
            if rung.epochs == epochs:
                rung.promoted.discard(number)

    def ranked(self) -> Iterator[int]:
        """Yields the trials that can train on, the best of the highest rung first."""
        above: Collection[int] = ()
        for rung in reversed(self._rungs):
            yield from (n for n in rung.ranked if n not in above and n not in self._lost)
            above = rung.met

    def lose(self, number: int) -> None:
        """Records that a trial cannot continue: it failed, or its checkpoint is gone."""
        self._lost.add(number)

    def promotable(self, *, closing: bool = False) -> list[Promotion]:
        """Returns the paused trials that may continue: those of the highest rung first, by place.

        Args:
            closing: no more trials will begin; see `places`.
        """
        found: list[Promotion] = []
        for rung in reversed(self._rungs):
            met = len(rung.met)
            best = places(met, self.eta, closing=closing)
            for place, number in enumerate(rung.ranked[:best], 1):
                if self._waits(rung, number):
                    rule = _rule(rung.epochs, place, met, best, self.eta)
                    found.append(Promotion(number, rung.epochs, rule))
        return found

    def out_of_reach(self, to_come: int) -> list[int]:
        """Returns the paused trials that no later result can promote, the worst of a rung first.

        Args:
            to_come: how many more trials may reach the first rung.
        """
        found: list[int] = []
        most = to_come
        for rung in self._rungs:
            # The most that can continue, if every later trial were worse than all of these.
            most = places(len(rung.met) + most, self.eta, closing=True)
            found += [n for n in reversed(rung.ranked[most:]) if self._waits(rung, n)]
        return found

    def waiting(self) -> Iterator[Promotion]:
        """Yields all paused trials, those of the highest rung first, by place."""
        for rung in reversed(self._rungs):
            for place, number in enumerate(rung.ranked, 1):
                if self._waits(rung, number):
                    reason = f"place {place} of {len(rung.met)} at rung {rung.epochs}; {FINISHES}"
                    yield Promotion(number, rung.epochs, reason)

    def counts(self) -> Mapping[int, tuple[int, int]]:
        """Returns for each rung how many trials have reached it, and how many of them continued."""
        return {rung.epochs: (len(rung.met), len(rung.promoted)) for rung in self._rungs}

    def next_stop(self, epoch: int, epochs: int) -> int:
        """Returns the epoch after which a trial of `epochs` that has done `epoch` may pause."""
        return min([*(rung for rung in self.rungs if rung > epoch), epochs])

    def _keep_best(self, number: int, losses: Losses) -> Losses:
        known = self._best.get(number, losses)
        self._best[number] = losses if losses[0] < known[0] else known
        return self._best[number]

    def _waits(self, rung: _Rung, number: int) -> bool:
        return number not in rung.promoted and number not in self._lost
