"""Which trial is next: an interrupted one, a promoted one or a new one, within the budget."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from optuna.trial import Trial

from hpsearch.search.coordinator.stop import StopRequest
from hpsearch.search.store import StudyWriter
from hpsearch.search.store.keys import BUDGET
from hpsearch.studyfile.links import InfeasibleError

AHEAD_FROM = 100
INFEASIBLE_ALLOWED = 1000


class TrialQueue:
    """Hands out trials, and asks for one ahead once there are many.

    The more a sampler knows, the longer it takes to propose a trial: TPE needs a fifth of a second
    after a thousand trials, in which a free slot would idle. So from trial number `AHEAD_FROM` on,
    the next trial is requested while every slot is busy. The sampler then lacks the results that
    come in before that trial begins, as it does with several slots anyway, and it knows a hundred
    others. Before that number, nothing is requested ahead, and the sampler knows every result. The
    number decides, and not the time that a proposal takes, so that a search with one slot proposes
    the same trials again.

    A setting that breaks a constraint of the study is never handed out.

    Args:
        writer: the study; its unfinished trials come first.
        budget: trials the study may have in all; None for no limit.
        stop: is asked to stop if no setting can be found.

    Attributes:
        budget: as given, or as set since.
        drained: whether nothing more is handed out but what waits.
    """

    def __init__(self, writer: StudyWriter, budget: int | None, stop: StopRequest) -> None:
        self._writer = writer
        self.budget = budget
        self._waiting = deque(writer.unfinished())
        self._ahead: Trial | None = None
        self._count = len(writer.trials())
        self._stop = stop
        self.drained = False

    def next(self) -> Trial | None:
        """Returns the trial that is next; None if there is none.

        Interrupted trials come first, then paused ones that are promoted, those of the highest rung
        first, then new ones. Once there are no new ones, more of the paused ones are promoted. What
        the last training's worth of a budget is for, see `Scheduler`.
        """
        while self._waiting:
            trial = self._waiting.popleft()
            if not self._reject(trial):
                return trial
        if self.drained:
            return None
        return (
            self._writer.promote() or self._take_ahead() or self._ask()
        ) or self._writer.promote(closing=True)

    @property
    def waiting(self) -> tuple[int, ...]:
        """The numbers of the trials that are next, in this order."""
        return tuple(trial.number for trial in self._waiting)

    @property
    def to_come(self) -> int | None:
        """How many trials may still be asked for; None for no limit."""
        return None if self.budget is None else max(self.budget - self._count, 0)

    @property
    def spent_epochs(self) -> int | None:
        """The budget in epochs, if nothing but that forbids another trial; None otherwise."""
        if self.to_come == 0 or self._writer.exhausted:
            return None
        scheduler = self._writer.pauses.scheduler
        return None if scheduler.may_begin() else scheduler.epochs.total

    def has_next(self) -> bool:
        """Returns whether there is a trial to hand out, without asking for one."""
        paused = self._writer.pauses.next(closing=True)
        new = self._ahead or self._may_ask() or paused
        return bool(self._waiting or (new and not self.drained))

    def append(self, trial: Trial) -> str:
        """Adds a new trial; only those that already wait come before it.

        Returns:
            Why it is rejected, if its setting is infeasible; otherwise nothing.
        """
        self._count += 1
        if not (reason := self._reject(trial)):
            self._waiting.append(trial)
        return reason

    def set_budget(self, trials: int) -> int:
        """Sets how many trials the study may have, at least the existing ones; returns it."""
        self.budget = max(trials, self._count)
        self._writer.set_attribute(BUDGET, self.budget)
        return self.budget

    def set_time(self, left_s: float, slots: int) -> None:
        """Sets how many seconds are left, and how many trials can train at once."""
        time = self._writer.pauses.scheduler.time
        time.left_s, time.slots = left_s, slots

    def put_back(self, trial: Trial) -> None:
        """Takes back a trial that is not over; it is next."""
        self._waiting.appendleft(trial)

    def ask_ahead(self) -> None:
        """Requests the next trial ahead, if there are many trials and none waits."""
        if self._waiting or self._ahead or self._count < AHEAD_FROM:
            return
        self._ahead = self._ask()
        if self._ahead is not None:
            self._writer.pauses.scheduler.expect(self._ahead.number)

    def drain(self) -> Iterator[Trial]:
        """Yields the trials that wait, for the last time."""
        while self._waiting:
            yield self._waiting.popleft()
        if trial := self._take_ahead():
            yield trial

    def _take_ahead(self) -> Trial | None:
        trial, self._ahead = self._ahead, None
        return trial

    def _may_ask(self) -> bool:
        spent = self.budget is not None and self._count >= self.budget
        over = spent or self._writer.exhausted or self._stop.urgency
        return not over and self._writer.pauses.scheduler.may_begin()

    def _ask(self) -> Trial | None:
        reason = ""
        for _ in range(INFEASIBLE_ALLOWED):
            if not self._may_ask():
                return None
            trial = self._writer.ask(self._count)
            self._count += 1
            if not (reason := self._reject(trial)):
                return trial
        self._stop.ask(f"{INFEASIBLE_ALLOWED} settings in a row are infeasible: {reason}")
        return None

    def _reject(self, trial: Trial) -> str:
        """Rejects a trial with an infeasible setting; returns why, or nothing if it is feasible."""
        try:
            self._writer.sample(trial)
        except InfeasibleError as error:
            self._writer.reject(trial, str(error))
            if self.budget is not None and self._writer.may_grow:
                self.budget += 1
            return str(error)
        return ""
