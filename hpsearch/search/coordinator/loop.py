"""The one loop of a search: fill the slots, handle what the trials report, decide, write."""

from __future__ import annotations

from optuna.trial import Trial

from hpsearch.engines.engine import Engine, Exited
from hpsearch.engines.slots import Slot
from hpsearch.errors import HpsearchError, InputError, SearchError
from hpsearch.protocol.events import best_report
from hpsearch.protocol.messages import Decision, Ended, Message, Progress, Report, Started
from hpsearch.protocol.types import primary
from hpsearch.search.coordinator.cleanup import Cleanup
from hpsearch.search.coordinator.control import Control, Controlled
from hpsearch.search.coordinator.data_guard import DataGuard
from hpsearch.search.coordinator.disk import DiskSpaceMonitor
from hpsearch.search.coordinator.exits import FailureTracker, decide_exit
from hpsearch.search.coordinator.flush import FlushLoop
from hpsearch.search.coordinator.last_run import LastRun
from hpsearch.search.coordinator.observer import Observer
from hpsearch.search.coordinator.own_record import catch_up, next_attempt, open_record
from hpsearch.search.coordinator.responsive import keep_for_good
from hpsearch.search.coordinator.running import RunningTrial
from hpsearch.search.coordinator.setup import SearchSetup
from hpsearch.search.coordinator.starts import Starts
from hpsearch.search.coordinator.stop import Ending
from hpsearch.search.coordinator.trial_queue import TrialQueue
from hpsearch.search.coordinator.watchdog import Watchdog
from hpsearch.search.store import (
    LeaseLostError,
    StudyWriter,
    TrialRecord,
    WriteBehindQueue,
    trial_record,
)
from hpsearch.search.store.keys import PRUNED_AT, SAMPLES_PER_S, SECONDS
from hpsearch.studyfile.sections import longest_training


class Coordinator:
    """Asks, decides and writes; engines train.

    Args:
        setup: what is searched, where, and how far.
        writer: the study, for writing.
        writes: brings what the writer writes to the database while this process owns the study.
        engine: where the trials run.
        observer: watches.
    """

    def __init__(
        self,
        setup: SearchSetup,
        writer: StudyWriter,
        writes: WriteBehindQueue,
        engine: Engine,
        observer: Observer,
    ) -> None:
        self._setup = setup
        self._writer, self._writes = writer, writes
        self._engine = engine
        self._observer = observer
        self._flush = FlushLoop(writes, observer)
        self._stop = setup.stop
        self._ending = Ending(setup.stop, setup.deadline)
        self._disk = DiskSpaceMonitor(setup.folder, observer)
        self._cleanup = Cleanup(writer, observer, setup.retention(), self._record)
        self._data_guard = DataGuard(writer, setup.accept_changes)
        self._queue = TrialQueue(writer, setup.budget, setup.stop)
        self._running: dict[int, RunningTrial] = {}
        shared = writer, self._queue, engine, self._running, self._cleanup, observer, setup.stop
        controlled = Controlled(setup.spec.name, *shared, self._record)
        self._control = Control(setup.commands, controlled)
        self._starts, self._last_run = Starts(writes), LastRun(writer)
        self._watchdog = Watchdog(setup.limits, engine, self._running)
        self._failures = FailureTracker(rehearsing=setup.rehearse)
        self._fatal: HpsearchError | None = None
        self._has_trained = False

    def run(self) -> None:
        """Runs the search until the budget is used up or it is asked to stop.

        Raises:
            InputError: the study's data, or a part of its file, are at fault; nothing was trained.
            SearchError: nothing can be trained at present, or another process owns the study.
        """
        try:
            while self._fill_slots() or self._running:
                self._control.step()
                self._engine.poll(self._handle, self._starts.poll_s)
                self._flush.step()
                self._await_disk()
                self._begin_written()
                self._obey_stop()
                self._watchdog.step()
                self._observer.refresh()
            for trial in self._queue.drain():
                self._writer.requeue(trial, "interrupted")
            if not self._ending.due and not self._queue.drained:
                self._cleanup.close()
            spent = self._queue.spent_epochs
            self._last_run.end(self._ending.why, drained=self._queue.drained, spent=spent)
            self._flush.finish(self._stop)
        except LeaseLostError:
            raise SearchError(
                "another process has taken this study over; nothing was written here since"
            ) from None
        finally:
            self._engine.close()
        if self._fatal is not None:
            raise self._fatal

    def _fill_slots(self) -> bool:
        self._starts.more = False
        held = self._writes.trouble or self._disk.trouble or self._control.held
        if held and not self._ending.due:
            return True
        busy = {running.slot.name for running in self._running.values()}
        free = [slot for slot in self._engine.slots if slot.name not in busy]
        if not free and not busy:
            # All nodes of a cluster may be away; the remaining trials wait for one.
            return not self._ending.due and self._queue.has_next()
        free = free[: int(not busy)] if self._failures.rehearsing else free
        self._queue.set_time(self._ending.left_s, len(self._engine.slots))
        more = self._give(free)
        # While others train, whose reports must not be delayed, this does not wait.
        self._begin_written(wait=len(self._starts) == len(self._running))
        if more and not self._ending.due and not self._starts.more:
            self._queue.ask_ahead()
        return more

    def _give(self, slots: list[Slot]) -> bool:
        """Gives each slot a trial that is due; returns whether there were enough."""
        for slot in self._starts.group(slots):
            trial = None if self._ending.due else self._queue.next()
            if trial is None:
                return False
            self._start(trial, slot)
        return True

    def _start(self, trial: Trial, slot: Slot) -> None:
        params, config = self._writer.sample(trial)
        job = self._setup.job(trial.number, params, config, slot)
        record = open_record(job, self._observer)
        job = next_attempt(job, trial, rehearse=self._failures.rehearsing)
        self._writer.begin(trial, longest_training(config["trainer"]))
        decision = self._writer.replay(trial, record.reports)
        running = RunningTrial(trial, job, slot, record.reports)
        if record.ended is not None:
            # It had ended, but its coordinator died before recording that.
            running.ended = record.ended
            self._finish_trial(running)
            return
        if decision.action == "pause":
            self._pause(running, decision.rung)
            return
        self._writer.attempts.note(trial, slot, job.attempt)
        self._running[trial.number] = running
        self._starts.add(running)

    def _begin_written(self, *, wait: bool = False) -> None:
        for running in self._starts.written(wait=wait):
            job, slot = running.job, running.slot
            if self._running.get(job.number) is running:
                running.begin()
                self._engine.start(job, slot)
                self._observer.started(job.number, slot.name, job.params, running.epochs)

    def _handle(self, number: int, message: Message | Exited) -> Decision | None:
        running = self._running.get(number)
        if running is None:
            # A late message of a lost node, whose attempt is over.
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
                # A rejected trial stops as requested; the rejection is what counts.
                running.ended = running.rejection or message
            case Exited():
                del self._running[number]
                self._handle_exit(running, message)
        return None

    def _handle_started(self, running: RunningTrial, started: Started) -> Decision:
        self._failures.rehearsing = False
        for note in started.notes:
            words = f"{note}; {running.resumption(started.from_epoch)}"
            self._observer.note(f"trial {running.job.number}: {words}")
        catch_up(running, self._writer)
        facts = {name: fact for name, fact in started.facts.items() if name != "pid"}
        self._writer.attempts.begin(running.trial, started.from_epoch)
        split, data = facts.pop("split", None), facts.pop("data", None)
        other_data = self._data_guard.check(running.job.number, split, data)
        too_large = running.too_large(facts, self._setup.spec.max_parameters)
        self._writer.set_facts(running.trial, facts | self._data_guard.facts)
        if running.reject(other_data or too_large):
            return "stop"
        if (device := running.slot.device) != "cpu" and facts.get("device") == "cpu":
            words = f"its slot is {device}, but torch finds no GPU there and trains on the CPU"
            self._observer.note(f"trial {running.job.number}: {words}; see `hpsearch doctor`")
        return "continue"

    def _handle_report(self, running: RunningTrial, report: Report) -> Decision:
        self._has_trained = True
        decision = self._writer.report(running.trial, report)
        self._writer.set_facts(running.trial, {SECONDS: round(report.seconds, 3)})
        self._observer.reported(running.job.number, report.step, report.values)
        if running.reject(running.too_large(report.metrics, self._setup.spec.max_parameters)):
            return "stop"
        if decision.action == "prune":
            self._writer.set_facts(running.trial, {PRUNED_AT: report.step})
            return "prune"
        if decision.action == "pause":
            running.paused_at = decision.rung
            return "stop"
        return "stop" if self._ending.due or self._control.held else "continue"

    def _handle_exit(self, running: RunningTrial, gone: Exited) -> None:
        deaths = self._failures.deaths(running.job.number, running.epochs)
        decision = decide_exit(running, gone, deaths, stopping=self._ending.due)
        if decision.is_death:
            self._failures.record_death(running.job.number, running.epochs)
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
                at_fault = running.ended is not None and running.ended.fatal
                of_input = at_fault and not self._has_trained
                self._end_search((InputError if of_input else SearchError)(decision.reason))
                self._requeue(running)
            case "requeue":
                self._requeue(running)

    def _end_search(self, error: HpsearchError) -> None:
        self._fatal = error
        self._stop.ask(str(error).splitlines()[0])

    def _retry_later(self, running: RunningTrial, reason: str) -> None:
        self._writer.attempts.close(running.trial, f"its process {reason}")
        words = f"its process {reason}; {running.resumption(running.epochs)}"
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
        catch_up(running, self._writer)
        self._writer.set_facts(running.trial, {SAMPLES_PER_S: running.samples_per_s})
        self._writer.tell(
            running.trial, ended, best_report(running.reports, *primary(running.job.objectives))
        )
        self._cleanup.after(running.job.number, self._queue.to_come)
        keep_for_good(running.job.number)
        self._failures.record_result(ended)
        if reason := self._failures.stop_reason:
            self._stop.ask(reason)

    def _record(self, number: int) -> TrialRecord:
        return trial_record(self._writer.trial(number), self._setup.folder)

    def _await_disk(self) -> None:
        self._disk.step()
        if self._disk.timed_out and not self._ending.due:
            self._end_search(SearchError(self._disk.trouble))

    def _obey_stop(self) -> None:
        if self._ending.due and (announcement := self._ending.begin()) and self._running:
            self._observer.note(announcement)
        if self._ending.at_once:
            for number, running in list(self._running.items()):
                if not running.begun:
                    del self._running[number]
                    self._requeue(running)
                elif not running.killed:
                    running.killed = True
                    self._engine.kill(number)
