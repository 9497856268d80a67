"""The one loop of a search: fill the slots, hear the trials, decide, write."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from optuna.trial import Trial

from hpsearch.engines.engine import Engine, Exited
from hpsearch.engines.slots import Slot
from hpsearch.errors import SearchError
from hpsearch.protocol.events import best_report, read_events
from hpsearch.protocol.job import Job
from hpsearch.protocol.messages import Decision, Ended, Message, Progress, Report, Started
from hpsearch.protocol.types import Direction
from hpsearch.search.coordinator.cleanup import Cleanup
from hpsearch.search.coordinator.data_guard import DataGuard
from hpsearch.search.coordinator.disk import DiskSpaceMonitor
from hpsearch.search.coordinator.exits import FailureTracker, decide_exit
from hpsearch.search.coordinator.flush import FlushLoop
from hpsearch.search.coordinator.observer import Observer
from hpsearch.search.coordinator.retention import Retention
from hpsearch.search.coordinator.running import RunningTrial, TrialLimits
from hpsearch.search.coordinator.stop import Ending, StopRequest
from hpsearch.search.coordinator.trial_queue import TrialQueue
from hpsearch.search.store import LeaseLostError, StudyWriter, TrialRecord, WriteBehindQueue
from hpsearch.search.store.keys import PRUNED_AT, SAMPLES_PER_S, SECONDS

POLL_S = 0.1
WRITE_S = 1.0

MakeJob = Callable[[int, dict[str, Any], dict[str, Any], Slot], Job]


class Coordinator:
    """Asks, decides and writes; engines train.

    Args:
        writer: the study, for writing.
        engine: where the trials run.
        observer: who watches.
        writes: takes what the ledger writes to the database, as long as this process owns it.
        stop: set from outside, by signals.
        make_job: fills in where and with which seed a trial runs.
        record: reads a trial back from the database.
        objectives: metric names and directions, the first deciding which epoch is best.
        budget: trials the study may take in all; None for no limit.
        limits: how long each trial may take.
        disk: whether the trials can write.
        retention: removes the checkpoints that are not wanted any more.
        deadline: `time.monotonic()` after which nothing is begun; None for no limit.
    """

    def __init__(
        self,
        writer: StudyWriter,
        engine: Engine,
        observer: Observer,
        writes: WriteBehindQueue,
        stop: StopRequest,
        *,
        make_job: MakeJob,
        record: Callable[[int], TrialRecord],
        objectives: dict[str, Direction],
        budget: int | None,
        deadline: float | None,
        limits: TrialLimits,
        disk: DiskSpaceMonitor,
        retention: Retention,
    ) -> None:
        self._writer = writer
        self._engine = engine
        self._observer = observer
        self._flush = FlushLoop(writes, observer)
        self._stop = stop
        self._make_job = make_job
        self._record = record
        self._primary = next(iter(objectives.items()))
        self._budget = budget
        self._ending = Ending(stop, deadline)
        self._limits = limits
        self._disk = disk
        self._cleanup = Cleanup(writer, observer, retention, record)
        self._data_guard = DataGuard(writer)
        self._running: dict[int, RunningTrial] = {}
        self._failures = FailureTracker()
        self._fatal = ""

    def run(self) -> None:
        """Runs the search until the budget is used up or it is asked to stop.

        Raises:
            SearchError: nothing can be trained as things are, or the study has another owner
                now; no trial was spent on it.
        """
        self._queue = TrialQueue(self._writer, self._budget, self._stop)
        try:
            while self._fill_slots() or self._running:
                self._engine.poll(self._handle, POLL_S)
                self._flush.step()
                self._await_disk()
                self._begin_written()
                self._obey_stop()
                self._enforce_limits()
                self._observer.refresh()
            for trial in self._queue.drain():
                self._writer.requeue(trial, "interrupted")
            if not self._stopping():
                self._cleanup.close()
            self._flush.finish(self._stop)
        except LeaseLostError:
            raise SearchError(
                "another process has taken this study over; nothing was written here since"
            ) from None
        finally:
            self._engine.close()
        if self._fatal:
            raise SearchError(self._fatal)

    def _fill_slots(self) -> bool:
        if (self._flush.trouble or self._disk.trouble) and not self._stopping():
            return True
        busy = {running.slot for running in self._running.values()}
        free = [slot for slot in self._engine.slots if slot not in busy]
        if not free and not busy:
            # The nodes of a cluster may all be away; what is left to do waits for one.
            return not self._stopping() and self._queue.has_next()
        for slot in free:
            trial = None if self._stopping() else self._queue.next()
            if trial is None:
                return False
            self._start(trial, slot)
        if not self._stopping():
            self._queue.ask_ahead()
        return True

    def _start(self, trial: Trial, slot: Slot) -> None:
        params, config = self._writer.sample(trial)
        job = self._make_job(trial.number, params, config, slot)
        events = read_events(Path(job.folder) / "events.jsonl")
        reports = [event for event in events if isinstance(event, Report)]
        self._writer.begin(trial, config["trainer"]["max_epochs"])
        decision = self._writer.replay(trial, reports)
        running = RunningTrial(trial, job, slot, reports)
        if ends := [event for event in events if isinstance(event, Ended)]:
            # It had ended, and only its coordinator had not lived to write so.
            running.ended = ends[-1]
            self._finish_trial(running)
            return
        if decision.action == "pause":
            self._pause(running, decision.rung)
            return
        self._writer.note_attempt(trial, slot)
        self._running[trial.number] = running
        # A trial that the database does not know of would be asked anew after a crash.
        if self._flush.wait(WRITE_S):
            self._begin(running)

    def _begin_written(self) -> None:
        for running in self._running.values():
            if not running.begun and self._flush.done:
                self._begin(running)

    def _begin(self, running: RunningTrial) -> None:
        running.begin()
        self._engine.start(running.job, running.slot)
        number, name = running.job.number, running.slot.name
        self._observer.started(number, name, running.job.params, running.epochs)

    def _handle(self, number: int, message: Message | Exited) -> Decision | None:
        running = self._running.get(number)
        if running is None:
            # A lost node may still have said something; its attempt is over.
            return None
        running.heartbeat(report=message if isinstance(message, Report) else None)
        match message:
            case Progress():
                running.samples_per_s = round(message.samples_per_s, 1) or None
                self._observer.progressed(number, message)
            case Started():
                return self._handle_started(running, message)
            case Report():
                return self._handle_report(running, message)
            case Ended():
                # A trial that was refused stops as it was told to, which says nothing new.
                running.ended = running.refusal or message
            case Exited():
                del self._running[number]
                self._handle_exit(running, message)
        return None

    def _handle_started(self, running: RunningTrial, started: Started) -> Decision:
        for note in started.notes:
            words = f"{note}; it continues after epoch {started.from_epoch}"
            self._observer.note(f"trial {running.job.number}: {words}")
        facts = {name: fact for name, fact in started.facts.items() if name != "pid"}
        self._writer.begin_attempt(running.trial, started.from_epoch)
        split, data = facts.pop("split", None), facts.pop("data", None)
        running.refusal = self._data_guard.check(running.job.number, split, data)
        self._writer.set_facts(running.trial, facts)
        if running.refusal:
            running.ended = running.refusal
            return "stop"
        if running.slot.device != "cpu" and facts.get("device") == "cpu":
            self._observer.note(
                f"trial {running.job.number}: its slot is {running.slot.device}, but torch finds no"
                " GPU there and trains on the CPU; see `hpsearch doctor`"
            )
        return "continue"

    def _handle_report(self, running: RunningTrial, report: Report) -> Decision:
        decision = self._writer.report(running.trial, report)
        self._writer.set_facts(running.trial, {SECONDS: round(report.seconds, 3)})
        self._observer.reported(running.job.number, report.step, report.values)
        if decision.action == "prune":
            self._writer.set_facts(running.trial, {PRUNED_AT: report.step})
            return "prune"
        if decision.action == "pause":
            running.paused_at = decision.rung
            return "stop"
        return "stop" if self._stopping() else "continue"

    def _handle_exit(self, running: RunningTrial, gone: Exited) -> None:
        decision = decide_exit(running, gone, self._failures, self._stopping())
        match decision.action:
            case "finish":
                running.ended = decision.ended
                self._finish_trial(running)
            case "pause":
                self._pause(running, running.paused_at)
            case "retry":
                self._retry_later(running, decision.reason)
            case "wait_for_disk":
                assert decision.ended is not None
                self._retry_later(running, decision.reason)
                self._disk.report_full(decision.ended.failure, decision.ended.facts.get("needs", 0))
            case "abort":
                self._end_search(decision.reason)
                self._requeue(running)
            case "requeue":
                self._requeue(running)

    def _end_search(self, reason: str) -> None:
        self._fatal = reason
        self._stop.ask(reason.splitlines()[0])

    def _retry_later(self, running: RunningTrial, reason: str) -> None:
        self._writer.close_attempt(running.trial, f"its process {reason}")
        words = f"its process {reason}; it continues after epoch {running.epochs}"
        self._observer.note(f"trial {running.job.number}: {words}")
        self._queue.put_back(running.trial)

    def _pause(self, running: RunningTrial, rung: int) -> None:
        self._writer.pause(running.trial, rung)
        self._cleanup.after(running.job.number, self._queue.to_come)

    def _requeue(self, running: RunningTrial) -> None:
        self._writer.requeue(running.trial, "interrupted")
        self._observer.ended(self._record(running.job.number))

    def _finish_trial(self, running: RunningTrial) -> None:
        ended = running.ended
        assert ended is not None
        self._writer.set_facts(running.trial, {SAMPLES_PER_S: running.samples_per_s})
        self._writer.tell(running.trial, ended, best_report(running.reports, *self._primary))
        self._cleanup.after(running.job.number, self._queue.to_come)
        if reason := self._failures.record_result(ended):
            self._stop.ask(reason)

    def _stopping(self) -> bool:
        return self._ending.due

    def _await_disk(self) -> None:
        self._disk.step()
        if self._disk.timed_out and not self._stopping():
            self._end_search(self._disk.trouble)

    def _enforce_limits(self) -> None:
        for number, running in self._running.items():
            watched = running.begun and not running.killed and not running.timeout_reason
            if not self._engine.ready:
                running.heartbeat()
            if watched and running.passes_limit(self._limits):
                self._engine.kill(number)

    def _obey_stop(self) -> None:
        if not self._stopping():
            return
        if (announcement := self._ending.begin()) and self._running:
            self._observer.note(announcement)
        if self._ending.at_once:
            for number, running in list(self._running.items()):
                if not running.begun:
                    del self._running[number]
                    self._requeue(running)
                elif not running.killed:
                    running.killed = True
                    self._engine.kill(number)
