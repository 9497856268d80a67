"""How a running search obeys commands from another terminal."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hpsearch.engines.engine import Engine
from hpsearch.protocol.messages import Ended
from hpsearch.search.coordinator.cleanup import Cleanup
from hpsearch.search.coordinator.observer import Observer
from hpsearch.search.coordinator.running import RunningTrial
from hpsearch.search.coordinator.setup import Commands
from hpsearch.search.coordinator.stop import ASKED, StopRequest
from hpsearch.search.coordinator.trial_queue import TrialQueue
from hpsearch.search.store import StudyWriter, TrialRecord
from hpsearch.search.store.keys import PAUSED, RUN_EPOCHS

BY = "`hpsearch control`"


@dataclass(frozen=True)
class Controlled:
    """What a command may act on.

    Attributes:
        name: the study's.
        writer: the study.
        queue: the trials that are next.
        engine: where trials run.
        running: the trials that run now, by number.
        cleanup: ends paused trials.
        observer: notified of what was done.
        stop: ends the search.
        record: returns the record of a trial.
    """

    name: str
    writer: StudyWriter
    queue: TrialQueue
    engine: Engine
    running: Mapping[int, RunningTrial]
    cleanup: Cleanup
    observer: Observer
    stop: StopRequest
    record: Callable[[int], TrialRecord]

    def show_next(self) -> None:
        """Shows the budget, and the trials that are next."""
        waiting = [self.record(number) for number in self.queue.waiting]
        self.observer.changed(self.queue.budget, waiting)


class Control:
    """Obeys commands, one after another, and reports what each one did.

    Args:
        commands: where they arrive.
        search: what they act on.

    Attributes:
        held: whether the search is paused: trials end after their running epochs, and none starts.
    """

    def __init__(self, commands: Commands | None, search: Controlled) -> None:
        self._commands = commands
        self._search = search
        self.held = False
        self._verbs: dict[str, Callable[..., str]] = {
            "pause": self._pause,
            "resume": self._resume,
            "drain": self._drain,
            "stop": self._stop,
            "fail": self._fail,
            "promote": self._promote,
            "enqueue": self._enqueue,
            "budget": self._budget,
        }

    def step(self) -> None:
        """Obeys the commands that have arrived; reports why one makes no sense now."""
        for command in self._commands.take() if self._commands else ():
            try:
                words = self._verbs[command.verb](**command.arguments)
            except (LookupError, TypeError, ValueError):
                # Other versions of hpsearch, and other programs, reach the same database.
                said = f"{command.verb} {json.dumps(command.arguments)}"
                words = f"this version of hpsearch cannot obey {said}; nothing was done"
            self._search.observer.note(f"{BY}: {words}")
            self._search.show_next()

    def _pause(self) -> str:
        self._hold(True)
        resume = f"hpsearch control {self._search.name} resume"
        return f"paused after the running epochs; `{resume}` continues"

    def _resume(self) -> str:
        if not self.held:
            return "the search is not paused; nothing was done"
        self._hold(False)
        return "continued"

    def _hold(self, held: bool) -> None:
        self.held = held
        self._search.writer.set_attribute(PAUSED, held)

    def _drain(self) -> str:
        self._search.queue.drained = True
        return "no new trial begins; the search ends after the running ones"

    def _stop(self) -> str:
        self._search.stop.ask(ASKED)
        return "stopping"

    def _fail(self, number: int) -> str:
        running = self._search.running.get(number)
        if running is not None:
            running.paused_at = 0
            # Whatever it says meanwhile; one that has not begun yet stops once it has.
            running.reject(Ended("failed", f"ended by {BY} fail", "killed"))
            self._search.engine.kill(number)
            return f"trial {number} ended as failed"
        if number in self._search.writer.pauses:
            self._search.cleanup.give_up(number, "somebody ended it")
            return f"trial {number}, which was paused, is pruned"
        return f"trial {number} is neither running nor paused; nothing was done"

    def _promote(self, number: int) -> str:
        if number not in self._search.writer.pauses:
            return f"trial {number} is not paused; nothing was done"
        self._search.queue.put_back(self._search.writer.promote_this(number))
        return f"trial {number} continues next"

    def _enqueue(self, setting: Mapping[str, Any]) -> str:
        trial = self._search.writer.enqueue(setting)
        if trial is None:
            return "that setting is in the study already; nothing was done"
        if reason := self._search.queue.append(trial):
            return f"trial {trial.number} is not trained, since its setting is infeasible: {reason}"
        has_rungs = bool(self._search.writer.pauses.scheduler.ladder.rungs)
        at_rungs = "; at the rungs it is compared as all others are" if has_rungs else ""
        return f"trial {trial.number} is next with the setting given{at_rungs}"

    def _budget(self, trials: int | None = None, epochs: int | None = None) -> str:
        changes = []
        if trials is not None:
            count = self._search.queue.set_budget(trials)
            changes.append(f"{count} trial{'s' * (count != 1)}")
        if epochs is not None:
            self._search.writer.pauses.scheduler.epochs.total = epochs
            self._search.writer.set_attribute(RUN_EPOCHS, epochs)
            changes.append(f"{epochs} epoch{'s' * (epochs != 1)}, for this run")
        return f"the budget is {' and '.join(changes)}"
