"""The coordinator's rules, on a real SQLite study and an engine that follows a script."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from coordinating import coordinator_of
from scripted import ScriptedEngine, Watcher, learns, report

from hpsearch.engines.engine import Exited, Handler
from hpsearch.engines.slots import Slot
from hpsearch.errors import InputError, SearchError
from hpsearch.protocol.events import EventLog
from hpsearch.protocol.job import Job, identity_of
from hpsearch.protocol.layout import trial_folder
from hpsearch.protocol.messages import Ended, Message, Progress, Report, Started
from hpsearch.protocol.seeds import derive_seed
from hpsearch.search.coordinator import SearchSetup
from hpsearch.search.coordinator import disk as room_module
from hpsearch.search.coordinator.exits import describe_exit
from hpsearch.search.coordinator.running import TrialLimits
from hpsearch.search.coordinator.stop import StopRequest
from hpsearch.search.store import load_record, open_study
from hpsearch.search.store.create import create_study
from hpsearch.search.store.database import open_storage
from hpsearch.search.store.lease import take_lease
from hpsearch.search.store.records import (
    StudyRecord,
    trial_record,
)
from hpsearch.search.store.sampling import grid_size
from hpsearch.search.store.write_behind import WriteBehindQueue, buffer_writes
from hpsearch.studyfile.study import StudySpec

NO_LIMITS = TrialLimits()


def waits_for_jobs(engine: ScriptedEngine, count: int) -> Iterator[Message]:
    """A trial that trains until others have begun, however long the coordinator takes for it."""
    while len(engine.jobs) < count:
        yield Progress(1, 3, 0.5, 0.0)


def spec(x: str = "~float(0, 1)", **study: Any) -> StudySpec:
    return StudySpec.from_document(
        {
            "study": {
                "name": "tiny",
                "objective": {"score": "maximize"},
                "sampler": "random",
                "pruner": "none",
                "trials": 4,
                "seed": 1,
                **study,
            },
            "model": {"class_path": "a.Model", "init_args": {"x": x}},
            "data": {"class_path": "a.Data"},
            "trainer": {"max_epochs": 3},
        }
    )


class Bench:
    """A study in an SQLite file, and any number of coordinators for it."""

    def __init__(self, folder: Path, study: StudySpec) -> None:
        folder.mkdir(exist_ok=True)
        self.storage = open_storage(f"sqlite:///{folder}/study.db")
        self.spec = study
        self.runs = folder / "runs"
        self.runs.mkdir(exist_ok=True)
        create_study(study, self.storage, self.runs)

    def run(
        self,
        engine: ScriptedEngine,
        *,
        budget: int | None = 4,
        stop: StopRequest | None = None,
        deadline: float | None = None,
        limits: TrialLimits = NO_LIMITS,
    ) -> Watcher:
        stored = open_study(self.storage, self.spec.name).study
        lease = take_lease(self.storage.engine, stored._study_id, self.spec.name)
        writes = WriteBehindQueue(self.storage.engine, lease)
        study = self.buffered = buffer_writes(stored, writes)
        folder = self.runs / self.spec.name
        folder.mkdir(exist_ok=True)
        watcher = Watcher()
        coordinator = coordinator_of(
            study,
            SearchSetup(
                replace(self.spec, hang_timeout_s=limits.silent_s, trial_timeout_s=limits.seconds),
                folder,
                budget=budget,
                deadline=deadline,
                stop=stop or StopRequest(),
            ),
            writes,
            engine,
            watcher,
        )
        try:
            with writes:
                coordinator.run()
        finally:
            lease.release()
        return watcher

    def record(self) -> StudyRecord:
        return load_record(self.storage, self.spec.name)

    def events(self, number: int) -> EventLog:
        folder = self.runs / self.spec.name / trial_folder(number)
        folder.mkdir(parents=True, exist_ok=True)
        params = self.record().trials[number].params
        seed = derive_seed(self.spec.seed, "trial", number)
        return EventLog(
            folder / "events.jsonl", identity_of(self.record().id, number, params, seed)
        )


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, spec())


def test_the_budget_is_met_exactly_on_any_number_of_slots(bench: Bench) -> None:
    bench.run(ScriptedEngine(3, learns))

    record = bench.record()
    assert [trial.number for trial in record.trials] == [0, 1, 2, 3]
    assert record.counts["complete"] == 4
    assert record.state == "done"


def test_a_metric_called_step_is_not_taken_for_the_best_epoch(bench: Bench) -> None:
    def drawn(job: Job) -> Iterator[Message | Exited]:
        yield Started(0, {})
        yield Report(1, {"score": 0.5}, {"score": 0.5, "step": 7.0, "loss": 0.1}, 1.0)
        yield Ended("complete", facts={"best_step": 1})
        yield Exited(0)

    bench.run(ScriptedEngine(1, drawn), budget=1)

    attributes = bench.record().trials[0].attributes
    best = {name: value for name, value in attributes.items() if name.startswith("best_")}
    assert best == {"best_step": 1, "best_score": 0.5, "best_loss": 0.1}


def test_how_fast_a_trial_trained_is_on_record(bench: Bench) -> None:
    def quick(job: Job) -> Iterator[Message | Exited]:
        yield Started(0, {})
        yield Progress(1, 1, 0.5, 2048.04)
        yield report(1, 0.5)
        yield Ended("complete")
        yield Exited(0)

    bench.run(ScriptedEngine(1, quick), budget=1)

    assert bench.record().trials[0].attributes["samples_per_s"] == 2048.0


def test_a_slot_is_refilled_while_the_others_run(bench: Bench) -> None:
    def uneven(job: Job) -> Iterator[Message | Exited]:
        if job.number:
            yield from learns(job, epochs=1)
            return
        while len({other.number for other in engine.jobs}) < 4:
            yield Progress(1, 3, 0.5, 0.0)
        while engine._running.keys() != {0}:
            yield Progress(1, 3, 0.5, 0.0)
        yield from learns(job)

    engine = ScriptedEngine(2, uneven)
    watcher = bench.run(engine)

    assert engine.most_at_once == 2
    assert watcher.ended_trials[-1].number == 0, "three short trials fit beside the long one"


def test_a_trial_keeps_the_values_of_its_best_epoch(bench: Bench) -> None:
    def falls(job: Job) -> Iterator[Message | Exited]:
        yield Started(0, {})
        for step, value in enumerate([0.2, 0.9, 0.5], start=1):
            yield report(step, value)
        yield Ended("complete", facts={"epochs": 3})
        yield Exited(0)

    bench.run(ScriptedEngine(1, falls), budget=1)

    trial = bench.record().trials[0]
    assert trial.values == (0.9,)
    assert trial.values_by_epoch == {1: 0.2, 2: 0.9, 3: 0.5}


def test_proposals_do_not_depend_on_kills(tmp_path: Path) -> None:
    whole, parts = Bench(tmp_path / "a", spec()), Bench(tmp_path / "b", spec())
    whole.run(ScriptedEngine(1, learns))
    for budget in (1, 2, 4):
        parts.run(ScriptedEngine(1, learns), budget=budget)

    assert [t.params for t in whole.record().trials] == [t.params for t in parts.record().trials]
    assert len({t.params["model.x"] for t in whole.record().trials}) == 4


def test_the_pruner_ends_trials_that_fall_behind(tmp_path: Path) -> None:
    median = {"class_path": "median", "init_args": {"n_startup_trials": 2}}
    bench = Bench(tmp_path, spec(pruner=median, trials=12))

    bench.run(ScriptedEngine(2, learns), budget=12)

    record = bench.record()
    assert record.counts["pruned"] > 0
    for trial in record.trials:
        if trial.state == "pruned":
            assert max(trial.values_by_epoch) == trial.attributes["pruned_at"] < 3


def test_a_trial_that_has_trained_to_its_end_is_never_pruned(tmp_path: Path) -> None:
    asha = {"class_path": "asha", "init_args": {"min_resource": 3, "reduction_factor": 2}}
    bench = Bench(tmp_path, spec(pruner=asha, trials=8))

    bench.run(ScriptedEngine(1, learns), budget=8)

    assert bench.record().counts["complete"] == 8


def test_from_the_hundredth_trial_on_the_next_one_is_asked_for_while_the_slots_are_busy(
    tmp_path: Path,
) -> None:
    bench = Bench(tmp_path, spec(sampler="tpe", trials=103))
    asked, states = {}, {}

    def looks(job: Job) -> Iterator[Message | Exited]:
        yield Started(0, {})
        trials = bench.buffered.get_trials(deepcopy=False)
        asked[job.number] = len(trials)
        states[job.number] = trial_record(trials[-1], tmp_path).state
        yield from learns(job, epochs=1)

    bench.run(ScriptedEngine(1, looks), budget=103)

    assert asked == {n: n + 1 + (99 <= n < 102) for n in range(103)}
    assert states == {n: "waiting" if 99 <= n < 102 else "running" for n in range(103)}
    assert bench.record().counts["complete"] == 103


def test_a_search_that_ends_early_leaves_the_trial_it_asked_for_ahead_to_the_next_one(
    tmp_path: Path,
) -> None:
    bench = Bench(tmp_path, spec(trials=104))
    stop = StopRequest()

    def stops(job: Job) -> Iterator[Message | Exited]:
        yield Started(0, {})
        if job.number == 100:
            stop.ask("Ctrl-C")
        yield from learns(job)

    bench.run(ScriptedEngine(1, stops), budget=104, stop=stop)

    ahead = bench.record().trials[101]
    assert (ahead.state, ahead.attempts) == ("waiting", ())

    resumed = ScriptedEngine(1, learns)
    bench.run(resumed, budget=104)
    assert [job.number for job in resumed.jobs] == [100, 101, 102, 103]
    assert resumed.jobs[1].params == ahead.params


def test_a_request_to_stop_leaves_trials_waiting_under_their_numbers(bench: Bench) -> None:
    stop = StopRequest()

    def stops(job: Job) -> Iterator[Message | Exited]:
        yield from waits_for_jobs(engine, 2)
        if job.number == 1:
            stop.ask("Ctrl-C")
        yield from learns(job)

    engine = ScriptedEngine(2, stops)
    watcher = bench.run(engine, stop=stop)

    counts = bench.record().counts
    assert engine.closed
    assert counts["waiting"] == 2
    assert counts["running"] == 0
    note = "Ctrl-C: finishing the running epochs, for at most 30 s; Ctrl-C stops at once"
    assert note in watcher.notes

    resumed = ScriptedEngine(2, learns)
    bench.run(resumed)
    assert [job.number for job in resumed.jobs] == [0, 1, 2, 3]
    assert bench.record().counts["complete"] == 4


def test_a_second_request_stops_at_once(bench: Bench) -> None:
    stop = StopRequest()

    def endless(job: Job) -> Iterator[Message | Exited]:
        yield Started(0, {})
        stop.ask("Ctrl-C")
        stop.ask("Ctrl-C")
        while True:
            yield Started(0, {})

    bench.run(ScriptedEngine(1, endless), stop=stop)

    assert bench.record().counts["waiting"] == 1


def test_no_trial_begins_after_the_deadline(bench: Bench) -> None:
    engine = ScriptedEngine(2, learns)

    bench.run(engine, deadline=0.001)

    assert engine.jobs == []


def test_a_coordinator_that_dies_leaves_everything_to_the_next(bench: Bench) -> None:
    """Trial 0 had ended, trial 1 had reported: only their own files know so."""

    def dies(job: Job) -> Iterator[Message | Exited]:
        yield Started(0, {})
        yield from waits_for_jobs(killed, 2)
        raise ConnectionAbortedError("the coordinator is killed here")

    killed = ScriptedEngine(2, dies)
    with pytest.raises(ConnectionAbortedError):
        bench.run(killed)
    zero, one = bench.events(0), bench.events(1)
    zero.append(report(1, 0.7))
    zero.append(Ended("complete", facts={"epochs": 1}))
    one.append(report(1, 0.1))
    one.append(report(2, 0.2))

    engine = ScriptedEngine(2, lambda job: learns(job, from_epoch=2 if job.number == 1 else 0))
    watcher = bench.run(engine)

    trials = bench.record().trials
    assert [job.number for job in engine.jobs] == [1, 2, 3]
    assert trials[0].values == (0.7,)
    assert {1: 0.1, 2: 0.2}.items() <= trials[1].values_by_epoch.items()
    assert watcher.from_epochs[1] == [2]
    assert [trial.state for trial in trials] == ["complete"] * 4
    assert len(trials[1].attempts) == 2


def test_a_trial_whose_process_died_continues_under_its_number(bench: Bench) -> None:
    deaths = {0: 1}

    def dies_once(job: Job) -> Iterator[Message | Exited]:
        if deaths.pop(job.number, 0):
            yield Started(0, {})
            yield report(1, 0.1)
            yield Exited(-11)
        else:
            yield from learns(job)

    engine = ScriptedEngine(1, dies_once)
    watcher = bench.run(engine)

    assert [job.number for job in engine.jobs] == [0, 0, 1, 2, 3]
    assert watcher.notes == [
        "trial 0: its process was ended by signal 11; it continues after epoch 1"
    ]
    first, second = bench.record().trials[0].attempts
    assert (first["how"], second["how"]) == ("its process was ended by signal 11", "complete")


def test_a_trial_that_always_dies_fails_and_the_search_continues(bench: Bench) -> None:
    def dies(job: Job) -> Iterator[Message | Exited]:
        if job.number == 0:
            return iter([Started(0, {}), Exited(-9)])
        return learns(job)

    bench.run(ScriptedEngine(1, dies))

    record = bench.record()
    assert record.counts["failed"] == 1
    assert record.counts["complete"] == 3
    assert record.trials[0].attributes["failure"] == (
        "its process was killed (signal 9; perhaps the machine ran out of memory), 4 times in a row"
    )


def test_an_error_that_repeats_stops_the_study(bench: Bench) -> None:
    stop = StopRequest()

    def fails(job: Job) -> Iterator[Message | Exited]:
        return iter([Started(0, {}), Ended("failed", "ValueError: no"), Exited(0)])

    bench.run(ScriptedEngine(1, fails), budget=20, stop=stop)

    assert bench.record().counts["failed"] == 5
    assert stop.reason == "5 trials in a row failed in the same way: ValueError: no"


def test_a_trial_on_another_split_is_refused(bench: Bench) -> None:
    def other(job: Job) -> Iterator[Message | Exited]:
        yield Started(0, {"split": f"split-{job.number}"})
        yield from iter([Ended("complete"), Exited(0)])

    bench.run(ScriptedEngine(1, other), budget=2)

    failure = bench.record().trials[1].attributes["failure"]
    rule = "the validation rows of trial 1 are not those of the trials before it, so their values"
    assert failure.startswith(rule)


def test_a_study_whose_data_have_changed_waits_for_them(bench: Bench) -> None:
    def on(split: str) -> Callable[[Job], Iterator[Message | Exited]]:
        def trial(job: Job) -> Iterator[Message | Exited]:
            yield Started(0, {"split": split})
            yield from iter([report(1, 0.5), Ended("complete"), Exited(0)])

        return trial

    bench.run(ScriptedEngine(1, on("a")), budget=2)
    with pytest.raises(InputError, match="the validation rows are not those of the study's earl"):
        bench.run(ScriptedEngine(1, on("b")), budget=4)
    assert bench.record().counts["complete"] == 2
    bench.run(ScriptedEngine(1, on("a")), budget=4)
    assert bench.record().counts["complete"] == 4
    assert bench.record().counts["failed"] == 0


def test_data_that_are_lost_during_a_search_are_a_failure_and_not_bad_input(bench: Bench) -> None:
    def lost(job: Job) -> Iterator[Message | Exited]:
        if job.number == 0:
            yield from learns(job)
            return
        yield Ended("failed", "no pictures in ./pics", "set-up", fatal=True)
        yield Exited(0)

    with pytest.raises(SearchError, match=r"^no pictures in \./pics$"):
        bench.run(ScriptedEngine(1, lost))
    assert bench.record().counts["complete"] == 1


def test_of_several_objectives_the_curve_is_kept_and_nothing_is_pruned(tmp_path: Path) -> None:
    both = spec(objective={"score": "maximize", "parameters": "minimize"})
    bench = Bench(tmp_path, both)

    def two(job: Job) -> Iterator[Message | Exited]:
        yield Started(0, {})
        for step in (1, 2):
            values = {"score": 0.1 * step, "parameters": 5.0}
            yield report(step, 0.0).__class__(step, values, values, 1.0)
        yield Ended("complete")
        yield Exited(0)

    bench.run(ScriptedEngine(1, two), budget=2)

    trial = bench.record().trials[0]
    assert trial.values == (0.2, 5.0)
    assert trial.values_by_epoch == {1: 0.1, 2: 0.2}
    assert len(bench.record().pareto_front) == 2


def test_a_grid_ends_when_it_is_used_up(tmp_path: Path) -> None:
    bench = Bench(tmp_path, spec(x="~int(1, 3)", sampler="grid", trials=99))
    assert grid_size(bench.spec) == 3

    bench.run(ScriptedEngine(1, learns), budget=99)

    assert sorted(t.params["model.x"] for t in bench.record().trials) == [1, 2, 3]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (-9, "was killed (signal 9; perhaps the machine ran out of memory)"),
        (-7, "was ended by signal 7 (bus error; perhaps /dev/shm is full)"),
        (-15, "was ended by signal 15"),
        (1, "ended early (exit code 1)"),
    ],
)
def test_the_end_of_a_process_is_reported_in_words(code: int, words: str) -> None:
    assert describe_exit(code) == words


class Sleepy(ScriptedEngine):
    """An engine whose trial 0 hangs: nothing is heard of it."""

    def poll(self, handler: Handler, timeout_s: float) -> None:
        held = {0: self._running.pop(0)} if 0 in self._running and 0 not in self.killed else {}
        super().poll(handler, timeout_s)
        self._running |= held

    def kill(self, number: int) -> None:
        self.killed.add(number)
        super().kill(number)

    def start(self, job: Job, slot: Slot) -> None:
        self.killed.discard(job.number)
        super().start(job, slot)

    killed: set[int]


def test_a_trial_that_hangs_is_killed_and_tried_again(bench: Bench) -> None:
    engine = Sleepy(2, learns)
    engine.killed = set()

    watcher = bench.run(engine, limits=TrialLimits(silent_s=0.05))

    record = bench.record()
    assert record.counts["complete"] == 3
    assert record.counts["failed"] == 1
    assert len(record.trials[0].attempts) == 4
    assert record.trials[0].attributes["failure"] == (
        "its process gave no sign of life for 0.05 s (study.hang_timeout), 4 times in a row"
    )
    assert watcher.notes[0] == (
        "trial 0: its process gave no sign of life for 0.05 s (study.hang_timeout); it starts over"
    )


def test_a_trial_that_takes_too_long_fails_and_is_not_tried_again(bench: Bench) -> None:
    def slow(job: Job) -> Iterator[Message | Exited]:
        if job.number:
            yield from learns(job)
        yield Started(0, {})
        yield Report(1, {"score": 0.5}, {"score": 0.5}, seconds=100.0)
        yield from itertools.repeat(Progress(2, 3, 0.5, 0.0))

    bench.run(ScriptedEngine(2, slow), limits=TrialLimits(seconds=50))

    record = bench.record()
    assert record.counts["complete"] == 3
    assert len(record.trials[0].attempts) == 1
    assert record.trials[0].attributes["failure"] == (
        "trained for more than 50 s (study.trial_timeout)"
    )


def test_a_trial_that_was_asked_to_leave_continues_in_the_same_run(bench: Bench) -> None:
    def preempted(job: Job) -> Iterator[Message | Exited]:
        if job.number == 1 and len([j for j in engine.jobs if j.number == 1]) == 1:
            return iter([Started(0, {}), report(1, 0.5), Ended("stopped"), Exited(0)])
        return learns(job)

    engine = ScriptedEngine(1, preempted)
    bench.run(engine)

    record = bench.record()
    assert record.counts["complete"] == 4
    assert [attempt["how"] for attempt in record.trials[1].attempts] == [
        "its process was asked to stop",
        "complete",
    ]


def test_a_coordinator_that_was_taken_over_writes_nothing_more(bench: Bench) -> None:
    before: list[Any] = []

    def taken(job: Job) -> Iterator[Message | Exited]:
        yield Started(0, {})
        yield report(1, 0.1)
        with bench.storage.engine.begin() as connection:
            connection.execute(sa.text("UPDATE hpsearch_lease SET token = 'another'"))
        before.append(bench.storage.get_all_trials(1))
        yield report(2, 0.2)
        yield from iter([Ended("complete"), Exited(0)])

    engine = ScriptedEngine(1, taken)
    with pytest.raises(SearchError, match="another process has taken this study over; nothing was"):
        bench.run(engine)

    assert engine.closed
    steps = [list(trial.intermediate_values) for trial in bench.storage.get_all_trials(1)]
    assert steps in ([[]], [[1]])
    assert bench.storage.get_all_trials(1) == before[0]


def test_a_trial_without_memory_is_pruned_with_a_violated_constraint(bench: Bench) -> None:
    def hungry(job: Job) -> Iterator[Message | Exited]:
        if job.number == 1:
            ended = Ended("failed", "OutOfMemoryError: CUDA", "out of memory")
            return iter([Started(0, {}), report(1, 0.5), ended, Exited(0)])
        if job.number == 2:
            return iter([Started(0, {}), Exited(-9, oom=True)])
        return learns(job)

    bench.run(ScriptedEngine(2, hungry))

    record = bench.record()
    assert record.counts["complete"] == 2
    assert [record.trials[n].state for n in (1, 2)] == ["pruned", "pruned"]
    assert [record.trials[n].attributes["failure_kind"] for n in (1, 2)] == ["out of memory"] * 2
    assert record.trials[2].attributes["failure"] == (
        "the machine ran out of memory, and the kernel killed its process"
    )
    frozen = bench.storage.get_all_trials(1)
    assert [trial.constraints for trial in frozen[1:3]] == [{"out of memory": 1.0}] * 2


def out_of_room(job: Job) -> Ended:
    return Ended("failed", f"no room for {job.number}", "disk", facts={"needs": 10})


def test_a_trial_without_disk_space_continues_once_there_is_some(bench: Bench) -> None:
    full = {0, 2}

    def writes(job: Job) -> Iterator[Message | Exited]:
        if job.number in full:
            full.remove(job.number)
            yield out_of_room(job)
            yield Exited(0)
        yield from learns(job)

    watcher = bench.run(ScriptedEngine(1, writes))

    record = bench.record()
    assert record.counts["complete"] == 4
    assert [len(trial.attempts) for trial in record.trials] == [2, 1, 2, 1]
    assert watcher.notes == [
        "trial 0: its process found no space on the disk; it starts over",
        "no room for 0: the search waits up to 15 minutes for 1.05 MB of free space",
        "there is free space on the disk again: the search continues",
        "trial 2: its process found no space on the disk; it starts over",
        "no room for 2: the search waits up to 15 minutes for 1.05 MB of free space",
        "there is free space on the disk again: the search continues",
    ]


def test_a_trial_that_cannot_write_despite_free_space_ends_the_search(bench: Bench) -> None:
    def never(job: Job) -> Iterator[Message | Exited]:
        yield out_of_room(job)
        yield Exited(0)

    with pytest.raises(SearchError, match=r"^no room for 0$"):
        bench.run(ScriptedEngine(1, never))

    assert bench.record().counts["waiting"] == 1


def test_a_search_without_disk_space_stops_and_can_be_resumed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room_module, "PATIENCE_S", 0.0)
    monkeypatch.setattr(room_module, "has_space", lambda *_: False)

    def never(job: Job) -> Iterator[Message | Exited]:
        yield out_of_room(job)
        yield Exited(0)

    with pytest.raises(SearchError, match=r"^no room for 0$"):
        bench.run(ScriptedEngine(1, never))

    assert bench.record().counts["waiting"] == 1
    bench.run(ScriptedEngine(1, learns))
    assert bench.record().counts["complete"] == 4


def test_a_trial_that_makes_progress_between_deaths_may_die_often(bench: Bench) -> None:
    deaths = iter(range(1, 6))

    def mortal(job: Job) -> Iterator[Message | Exited]:
        done = next(deaths, None)
        if done is None:
            yield from learns(job, 9, from_epoch=5)
        yield Started(0 if done == 1 else (done or 0) - 1, {})
        yield report(done or 0, 0.1)
        yield Exited(-9)

    bench.run(ScriptedEngine(1, mortal), budget=1)

    trial = bench.record().trials[0]
    assert (trial.state, len(trial.attempts)) == ("complete", 6)


def test_a_search_waits_while_there_is_no_slot(bench: Bench) -> None:
    class Away(ScriptedEngine):
        """Its nodes come in at the third poll, and are away again before the last trial."""

        def poll(self, handler: Handler, timeout_s: float) -> None:
            polls.append(timeout_s)
            here = len(polls) > 2 and (len(self.jobs) < 3 or len(polls) > 40)
            self.slots = (Slot("a/cpu:0", "cpu", 1),) if here else ()
            super().poll(handler, timeout_s)

    polls: list[float] = []
    bench.run(Away(0, learns))

    assert len(polls) > 40
    assert bench.record().counts["complete"] == 4


def test_without_slots_a_search_ends_when_its_budget_is_done_or_it_is_stopped(
    bench: Bench,
) -> None:
    bench.run(ScriptedEngine(0, learns), budget=0)

    stop = StopRequest()
    stop.ask("enough")
    bench.run(ScriptedEngine(0, learns), stop=stop)

    assert bench.record().trials == ()


def test_a_lost_node_is_never_the_failure_of_its_trial(bench: Bench) -> None:
    losses = iter(range(6))
    lost = "was lost with node a (its connection closed)"

    def unlucky(job: Job) -> Iterator[Message | Exited]:
        if job.number or next(losses, None) is None:
            yield from learns(job)
        yield Started(0, {})
        yield Exited(-9, lost=lost)

    watcher = bench.run(ScriptedEngine(1, unlucky))

    trial = bench.record().trials[0]
    assert (trial.state, len(trial.attempts)) == ("complete", 7)
    assert trial.attempts[0]["how"] == f"its process {lost}"
    assert watcher.notes == [f"trial 0: its process {lost}; it starts over"] * 6


def test_what_an_attempt_says_after_its_end_changes_nothing(bench: Bench) -> None:
    class Late(ScriptedEngine):
        def poll(self, handler: Handler, timeout_s: float) -> None:
            super().poll(handler, timeout_s)
            for number in {job.number for job in self.jobs} - set(self._running):
                assert handler(number, report(99, 1e9)) is None
                assert handler(number, Ended("failed", "too late")) is None

    bench.run(Late(2, learns))

    record = bench.record()
    assert record.counts["complete"] == 4
    assert max(step for trial in record.trials for step in trial.values_by_epoch) == 3


def test_infeasible_settings_are_not_trained_and_do_not_count(tmp_path: Path) -> None:
    bench = Bench(tmp_path, spec(constraints=["model.x > 0.5"]))

    bench.run(ScriptedEngine(2, learns))

    trials = bench.record().trials
    complete = [trial for trial in trials if trial.state == "complete"]
    rejected = [trial for trial in trials if trial.state == "pruned"]
    assert len(complete) == 4
    assert all(trial.params["model.x"] > 0.5 for trial in complete)
    assert rejected
    assert rejected[0].attributes["failure"].startswith("model.x > 0.5 does not hold: model.x is 0")
    assert bench.record().budget == 4 + len(rejected)
    frozen = open_study(bench.storage, "tiny").study.trials
    assert all(frozen[t.number].constraints == {"infeasible": 1.0} for t in rejected)


def test_a_grid_does_not_grow_by_infeasible_settings(tmp_path: Path) -> None:
    grid = spec("~int(1, 6)", sampler="grid", constraints=["model.x % 2 == 0"])
    bench = Bench(tmp_path, grid)

    bench.run(ScriptedEngine(1, learns), budget=grid_size(grid))

    record = bench.record()
    assert record.counts["complete"] == record.counts["pruned"] == 3


def test_a_search_stops_if_no_setting_is_feasible(tmp_path: Path) -> None:
    bench, stop = Bench(tmp_path, spec(constraints=["model.x > 2"])), StopRequest()

    bench.run(ScriptedEngine(1, learns), stop=stop)

    assert stop.reason.startswith(
        "1000 settings in a row are infeasible: model.x > 2 does not hold"
    )
    assert bench.record().counts["complete"] == 0


def test_settings_that_a_constructor_rejects_do_not_stop_a_search(tmp_path: Path) -> None:
    def refuses(job: Job) -> Iterator[Message | Exited]:
        if job.number < 6:
            yield Ended("failed", "ValueError: too wide", "infeasible")
            yield Exited(0)
        else:
            yield from learns(job)

    bench, stop = Bench(tmp_path, spec(trials=8)), StopRequest()
    bench.run(ScriptedEngine(1, refuses), budget=8, stop=stop)

    assert (stop.reason, bench.record().counts["complete"]) == ("", 2)


def test_a_search_stops_if_a_constructor_rejects_every_setting(tmp_path: Path) -> None:
    def refuses(job: Job) -> Iterator[Message | Exited]:
        yield Ended("failed", "ValueError: too wide", "infeasible")
        yield Exited(0)

    bench, stop = Bench(tmp_path, spec(trials=50)), StopRequest()
    bench.run(ScriptedEngine(1, refuses), budget=50, stop=stop)

    assert stop.reason == "20 settings in a row were refused: ValueError: too wide"
