"""The one loop of a search: fill the slots, hear the trials, decide, write."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from optuna.trial import Trial

from hpsearch.engines.engine import Engine, Gone
from hpsearch.engines.slots import Slot
from hpsearch.search.active import Active, TrialLimits
from hpsearch.search.attributes import PRUNED_AT, SAMPLES_PER_S, SECONDS
from hpsearch.search.delivery import Delivery
from hpsearch.search.failures import Failures
from hpsearch.search.fate import fate_of
from hpsearch.search.ledger import Ledger
from hpsearch.search.observer import Observer
from hpsearch.search.outbox import Fenced, Outbox
from hpsearch.search.queue import Queue
from hpsearch.search.results import TrialRecord
from hpsearch.search.room import Room
from hpsearch.search.stop_request import StopRequest
from hpsearch.spec.errors import Failure
from hpsearch.spec.events import best_report, read_events
from hpsearch.spec.job import Direction, Job
from hpsearch.spec.messages import Ended, Message, Progress, Report, Started, Verdict

POLL_S = 0.1
GRACE_S = 30.0
WRITE_S = 1.0

MakeJob = Callable[[int, dict[str, Any], dict[str, Any], Slot], Job]


class Coordinator:
    """Asks, decides and writes; engines train.

    Args:
        ledger: the study, for writing.
        engine: where the trials run.
        observer: who watches.
        outbox: takes what the ledger writes to the database, as long as this process owns it.
        stop: set from outside, by signals.
        make_job: fills in where and with which seed a trial runs.
        record: reads a trial back from the database.
        objectives: metric names and directions, the first deciding which epoch is best.
        budget: trials the study may take in all; None for no limit.
        limits: how long each trial may take.
        room: whether the trials can write.
        tidy: removes the checkpoints that are not wanted any more, now that a trial is settled.
        deadline: `time.monotonic()` after which nothing is begun; None for no limit.
    """

    def __init__(
        self,
        ledger: Ledger,
        engine: Engine,
        observer: Observer,
        outbox: Outbox,
        stop: StopRequest,
        *,
        make_job: MakeJob,
        record: Callable[[int], TrialRecord],
        objectives: dict[str, Direction],
        budget: int | None,
        deadline: float | None,
        limits: TrialLimits,
        room: Room,
        tidy: Callable[[TrialRecord], None],
    ) -> None:
        self._ledger = ledger
        self._engine = engine
        self._observer = observer
        self._delivery = Delivery(outbox, observer)
        self._stop = stop
        self._make_job = make_job
        self._record = record
        self._primary = next(iter(objectives.items()))
        self._budget = budget
        self._deadline = deadline
        self._limits = limits
        self._room = room
        self._tidy = tidy
        self._active: dict[int, Active] = {}
        self._failures = Failures()
        self._stopping_since: float | None = None
        self._fatal = ""

    def run(self) -> None:
        """Runs the search until the budget is used up or it is asked to stop.

        Raises:
            Failure: nothing can be trained as things are, or the study has another owner now; no
                trial was spent on it.
        """
        self._queue = Queue(self._ledger, self._budget)
        try:
            while self._fill_slots() or self._active:
                self._engine.poll(self._hear, POLL_S)
                self._delivery.step()
                self._await_room()
                self._begin_written()
                self._obey_stop()
                self._enforce_limits()
                self._observer.refresh()
            for trial in self._queue.drain():
                self._ledger.set_aside(trial, "interrupted")
            self._delivery.finish(self._stop)
        except Fenced:
            raise Failure(
                "another process has taken this study over; nothing was written here since"
            ) from None
        finally:
            self._engine.close()
        if self._fatal:
            raise Failure(self._fatal)

    def _fill_slots(self) -> bool:
        if (self._delivery.trouble or self._room.trouble) and not self._stopping():
            return True
        busy = {active.slot for active in self._active.values()}
        for slot in self._engine.slots:
            if slot in busy:
                continue
            trial = None if self._stopping() else self._queue.next()
            if trial is None:
                return False
            self._start(trial, slot)
        if not self._stopping():
            self._queue.ask_ahead()
        return True

    def _start(self, trial: Trial, slot: Slot) -> None:
        params, config = self._ledger.fill(trial)
        job = self._make_job(trial.number, params, config, slot)
        events = read_events(Path(job.folder) / "events.jsonl")
        reports = [event for event in events if isinstance(event, Report)]
        self._ledger.replay(trial, reports)
        active = Active(trial, job, slot, reports)
        ends = [event for event in events if isinstance(event, Ended)]
        if ends:
            # It had ended, and only its coordinator had not lived to write so.
            active.ended = ends[-1]
            self._settle(active)
            return
        self._ledger.note_attempt(trial, slot)
        self._active[trial.number] = active
        # A trial that the database does not know of would be asked anew after a crash.
        if self._delivery.wait(WRITE_S):
            self._begin(active)

    def _begin_written(self) -> None:
        for active in self._active.values():
            if not active.begun and self._delivery.done:
                self._begin(active)

    def _begin(self, active: Active) -> None:
        active.begin()
        self._engine.start(active.job, active.slot)
        number, name = active.job.number, active.slot.name
        self._observer.started(number, name, active.job.params, active.epochs)

    def _hear(self, number: int, message: Message | Gone) -> Verdict | None:
        active = self._active[number]
        active.hear(report=message if isinstance(message, Report) else None)
        match message:
            case Progress():
                active.samples_per_s = round(message.samples_per_s, 1) or None
                self._observer.progressed(number, message)
            case Started():
                self._hear_started(active, message)
            case Report():
                return self._hear_report(active, message)
            case Ended():
                active.ended = message
            case Gone():
                del self._active[number]
                self._hear_gone(active, message)
        return None

    def _hear_started(self, active: Active, started: Started) -> None:
        for note in started.notes:
            self._observer.note(
                f"trial {active.job.number}: {note}; it goes on after epoch {started.from_epoch}"
            )
        facts = {name: fact for name, fact in started.facts.items() if name != "pid"}
        self._ledger.begin_attempt(active.trial, started.from_epoch)
        fault = self._ledger.check_split(facts.pop("split", None))
        self._ledger.set_facts(active.trial, facts)
        if fault:
            active.ended = Ended("failed", fault)
            self._engine.kill(active.job.number)
        elif active.slot.device != "cpu" and facts.get("device") == "cpu":
            self._observer.note(
                f"trial {active.job.number}: its slot is {active.slot.device}, but torch finds no"
                " GPU there and trains on the CPU; see `hpsearch doctor`"
            )

    def _hear_report(self, active: Active, report: Report) -> Verdict:
        prune = self._ledger.report(active.trial, report)
        self._ledger.set_facts(active.trial, {SECONDS: round(report.seconds, 3)})
        self._observer.reported(active.job.number, report.step, report.values)
        if prune and report.step < active.job.config["trainer"]["max_epochs"]:
            self._ledger.set_facts(active.trial, {PRUNED_AT: report.step})
            return "prune"
        return "stop" if self._stopping() else "go"

    def _hear_gone(self, active: Active, gone: Gone) -> None:
        fate = fate_of(active, gone, self._failures, self._stopping())
        match fate.course:
            case "settle":
                active.ended = fate.ended
                self._settle(active)
            case "go on":
                self._go_on_later(active, fate.reason)
            case "wait for room":
                assert fate.ended is not None
                self._go_on_later(active, fate.reason)
                self._room.lost(fate.ended.failure, fate.ended.facts.get("needs", 0))
            case "end the search":
                self._end_search(fate.reason)
                self._set_aside(active)
            case "set aside":
                self._set_aside(active)

    def _end_search(self, reason: str) -> None:
        self._fatal = reason
        self._stop.ask(reason.splitlines()[0])

    def _go_on_later(self, active: Active, reason: str) -> None:
        self._ledger.close_attempt(active.trial, f"its process {reason}")
        self._observer.note(
            f"trial {active.job.number}: its process {reason}; it goes on after epoch"
            f" {active.epochs}"
        )
        self._queue.put_back(active.trial)

    def _set_aside(self, active: Active) -> None:
        self._ledger.set_aside(active.trial, "interrupted")
        self._observer.ended(self._record(active.job.number))

    def _settle(self, active: Active) -> None:
        ended = active.ended
        assert ended is not None
        self._ledger.set_facts(active.trial, {SAMPLES_PER_S: active.samples_per_s})
        self._ledger.tell(active.trial, ended, best_report(active.reports, *self._primary))
        self._observer.ended(trial := self._record(active.job.number))
        self._tidy(trial)
        if reason := self._failures.settled(ended):
            self._stop.ask(reason)

    def _stopping(self) -> bool:
        return bool(self._stop.urgency or (self._deadline and time.monotonic() >= self._deadline))

    def _await_room(self) -> None:
        self._room.step()
        if self._room.given_up and not self._stopping():
            self._end_search(self._room.trouble)

    def _enforce_limits(self) -> None:
        for number, active in self._active.items():
            watched = active.begun and not active.killed and not active.overdue
            if not self._engine.ready:
                active.hear()
            if watched and active.passes(self._limits):
                self._engine.kill(number)

    def _obey_stop(self) -> None:
        if not self._stopping():
            return
        if self._stopping_since is None:
            self._stopping_since = time.monotonic()
            if self._active:
                self._observer.note(
                    f"{self._stop.reason or 'the time is up'}: finishing the running epochs, for"
                    f" {GRACE_S:.0f} s at most; Ctrl-C stops at once"
                )
        overdue = time.monotonic() - self._stopping_since > GRACE_S
        if self._stop.urgency == 2 or overdue:
            for number, active in list(self._active.items()):
                if not active.begun:
                    del self._active[number]
                    self._set_aside(active)
                elif not active.killed:
                    active.killed = True
                    self._engine.kill(number)
