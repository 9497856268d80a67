"""A search that pauses and promotes, on a real SQLite study and an engine that follows a script."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from coordinating import coordinator_of
from scripted import ScriptedEngine, Watcher, report

from hpsearch.engines.engine import Exited
from hpsearch.protocol.job import Job
from hpsearch.protocol.messages import Ended, Message, Report, Started
from hpsearch.search.coordinator import SearchSetup
from hpsearch.search.coordinator.stop import StopRequest
from hpsearch.search.store import StudyRecord, load_record, open_study
from hpsearch.search.store.create import create_study, new_settings
from hpsearch.search.store.database import open_storage
from hpsearch.search.store.lease import take_lease
from hpsearch.search.store.write_behind import WriteBehindQueue, buffer_writes
from hpsearch.studyfile.study import StudySpec

EPOCHS = 9
EPOCH_S = 10_000.0  # on the clock of a trial: however busy the machine is, the test takes no epoch


def spec(**study: Any) -> StudySpec:
    block = {"name": "tiny", "objective": {"score": "maximize"}, "sampler": "random", "seed": 1}
    return StudySpec.from_document(
        {
            "study": {**block, "scheduler": "promote", **study},
            "model": {"class_path": "a.Model", "init_args": {"x": "~float(0, 1, prior=0.5)"}},
            "data": {"class_path": "a.Data"},
            "trainer": {"max_epochs": EPOCHS},
        }
    )


class Trained:
    """What every trial has trained, epoch by epoch, in the order of training."""

    def __init__(self) -> None:
        self.epochs: dict[int, list[int]] = {}

    def script(self, job: Job) -> Iterator[Message | Exited]:
        """A trial whose score is x, and which continues after the epochs that it has done."""
        done = self.epochs.setdefault(job.number, [])
        two = len(job.objectives) == 2
        score = float(job.config["model"]["init_args"]["x"])
        yield Started(
            len(done), {"parameters": round(10 * score), "split": "s", "device": job.device}
        )
        for step in range(len(done) + 1, EPOCHS + 1):
            done.append(step)
            said = replace(report(step, score), seconds=step * EPOCH_S)
            yield replace(said, values={**said.values, "size": score**2}) if two else said
        yield Ended("complete", facts={"epochs": EPOCHS, "checkpoint": "best.ckpt"})
        yield Exited(0)

    @property
    def total(self) -> int:
        return sum(map(len, self.epochs.values()))


class Killed(BaseException):
    """The coordinator dies at once: nothing in it is tidied up."""


class Bench:
    """A study in an SQLite file, and any number of coordinators for it."""

    def __init__(self, folder: Path, study: StudySpec) -> None:
        self.storage = open_storage(f"sqlite:///{folder}/study.db")
        self.spec, self.runs = study, folder / "runs"
        self.runs.mkdir()
        self.trained = Trained()
        made = create_study(study, self.storage, self.runs)
        assert new_settings(made, study) == [], "they come with the study"

    def run(
        self,
        slots: int = 1,
        *,
        reports: int | None = None,
        stop: bool = False,
        epochs_of_time: float | None = None,
    ) -> Watcher:
        """Runs the search; to its end, or until so many epochs were reported."""
        time_s = None if epochs_of_time is None else epochs_of_time * EPOCH_S
        stored = open_study(self.storage, self.spec.name).study
        lease = take_lease(self.storage.engine, stored._study_id, self.spec.name)
        writes = WriteBehindQueue(self.storage.engine, lease)
        request = StopRequest()
        watcher = _Counting(reports, request if stop else None)
        coordinator = coordinator_of(
            buffer_writes(stored, writes),
            SearchSetup(
                self.spec,
                self.runs / self.spec.name,
                budget=self.spec.trials,
                deadline=None if time_s is None else time.monotonic() + time_s,
                stop=request,
            ),
            writes,
            ScriptedEngine(slots, self.trained.script),
            watcher,
        )
        with writes:
            try:
                coordinator.run()
            except Killed:
                # A real trial has its reports in a file of its own; what a script says is lost.
                writes.flush(5)
            finally:
                lease.release()
        return watcher

    def record(self) -> StudyRecord:
        return load_record(self.storage, self.spec.name)


class _Counting(Watcher):
    """Dies, or asks to stop, after so many reports."""

    def __init__(self, reports: int | None, stop: StopRequest | None) -> None:
        super().__init__()
        self._left, self._stop = reports, stop

    def reported(self, *_: Any) -> None:
        if self._left is None:
            return
        self._left -= 1
        if self._left <= 0 and self._stop is not None:
            self._stop.ask("enough")
        elif self._left <= 0:
            raise Killed


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, spec(trials=12))


def test_the_best_quarter_of_each_rung_continues_and_the_rest_is_pruned_at_the_end(
    bench: Bench,
) -> None:
    bench.run()
    record = bench.record()
    assert record.state == "done"
    assert len(record.trials) == 12
    assert record.counts["paused"] == record.counts["waiting"] == 0
    done = [len(trial.values_by_epoch) for trial in record.trials]
    assert set(done) <= {1, 4, EPOCHS}
    assert record.best is not None
    assert bench.trained.total == sum(done)


def test_no_epoch_is_trained_twice_and_each_in_its_order(bench: Bench) -> None:
    bench.run(slots=3)
    assert all(
        epochs == list(range(1, len(epochs) + 1)) for epochs in bench.trained.epochs.values()
    )


def test_the_priors_are_trial_0_and_trained_whole_with_one_attempt(bench: Bench) -> None:
    watcher = bench.run()
    first = bench.record().trials[0]
    assert first.params == {"model.x": 0.5}
    assert (first.state, first.attributes["origin"]) == ("complete", "priors")
    assert watcher.from_epochs[0] == [0]


def test_audited_trials_are_trained_whole_without_a_pause(tmp_path: Path) -> None:
    bench = Bench(tmp_path, spec(trials=12, audit="30%"))
    bench.run()
    audited = [t for t in bench.record().trials if t.attributes.get("audited_at")]
    assert audited
    assert all(bench.spec.audits(t.number) for t in audited)
    assert {t.state for t in audited} == {"complete"}
    assert {len(t.values_by_epoch) for t in audited} == {EPOCHS}
    assert {attempt["how"] for trial in audited for attempt in trial.attempts} == {"complete"}


def test_a_model_with_too_many_parameters_is_pruned_before_it_trains(tmp_path: Path) -> None:
    bench = Bench(tmp_path, spec(trials=12, max_parameters=6))
    bench.run(slots=2)
    trials = bench.record().trials
    refused = [t for t in trials if t.failure_kind == "infeasible"]
    assert refused == [t for t in trials if round(10 * t.params["model.x"]) > 6]
    assert {(t.state, len(t.values_by_epoch)) for t in refused} == {("pruned", 0)}
    assert refused[0].failure.endswith(" parameters; study.max_parameters is 6")
    assert bench.record().best is not None


def test_a_model_whose_size_is_known_only_once_it_trains_is_pruned_after_a_validation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(tmp_path, spec(trials=6, max_parameters=6))
    script = bench.trained.script

    def lazy(job: Job) -> Iterator[Message | Exited]:
        size = 10 * float(job.config["model"]["init_args"]["x"])
        for said in script(job):
            if isinstance(said, Started):
                yield replace(said, facts={"device": job.device})
            elif isinstance(said, Report):
                yield replace(said, metrics={**said.metrics, "parameters": float(round(size))})
            else:
                yield said

    monkeypatch.setattr(bench.trained, "script", lazy)
    bench.run()
    trials = bench.record().trials
    refused = [t for t in trials if t.failure_kind == "infeasible"]
    assert refused == [t for t in trials if round(10 * t.params["model.x"]) > 6] != []
    assert {(t.state, len(t.values_by_epoch)) for t in refused} == {("pruned", 1)}
    assert refused[0].failure.endswith(" parameters; study.max_parameters is 6")


def test_with_two_objectives_what_one_of_them_speaks_for_is_promoted_too(tmp_path: Path) -> None:
    both = {"score": "maximize", "size": "minimize"}
    bench = Bench(tmp_path, spec(trials=24, objective=both, sampler="rungs"))
    for reports in (9, 15):
        bench.run(slots=2, reports=reports)
    bench.run(slots=2)
    record = bench.record()
    whole = [trial for trial in record.trials if trial.state == "complete"]
    assert record.state == "done"
    assert len(whole) < len(record.trials) / 2
    assert {trial.number for trial in record.pareto_front} <= {trial.number for trial in whole}
    # Both ends of the front: x has the best score where it is large, the best size where small.
    xs = [trial.params["model.x"] for trial in record.trials]
    assert {min(xs), max(xs)} <= {trial.params["model.x"] for trial in record.pareto_front}


def test_a_paused_trial_is_shown_as_paused_and_where(tmp_path: Path) -> None:
    bench = Bench(tmp_path, spec(trials=12))
    bench.run(reports=11, stop=True)
    record = bench.record()
    assert record.state == "interrupted"
    paused = [trial for trial in record.trials if trial.state == "paused"]
    assert paused
    assert {trial.attributes["paused_at"] for trial in paused} == {1}
    assert {trial.attempts[-1]["how"] for trial in paused} == {"paused"}


@pytest.mark.parametrize("stop", [True, False])
@pytest.mark.parametrize("slots", [1, 2])
def test_a_search_that_is_killed_again_and_again_trains_the_same_epochs_once(
    tmp_path: Path, stop: bool, slots: int
) -> None:
    bench = Bench(tmp_path, spec(trials=12))
    for reports in (1, 4, 7, 9, 12):
        bench.run(slots, reports=reports, stop=stop)
    bench.run(slots)
    record = bench.record()
    assert record.state == "done"
    assert len(record.trials) == 12
    epochs = bench.trained.epochs
    assert all(done == list(range(1, len(done) + 1)) for done in epochs.values())
    if slots == 1:
        (tmp_path / "again").mkdir()
        straight = Bench(tmp_path / "again", bench.spec)
        straight.run()
        assert straight.trained.epochs == epochs


def test_a_budget_in_epochs_is_kept_exactly_through_kills(tmp_path: Path) -> None:
    bench = Bench(tmp_path, spec(epochs=40))
    for reports in (5, 9):
        bench.run(2, reports=reports)
    bench.run(2)
    record = bench.record()
    assert 40 - (EPOCHS - 4) < bench.trained.total <= 40
    assert record.counts["complete"] >= 2
    assert record.state == "done"


def test_the_last_trainings_worth_of_time_trains_paused_trials_to_their_end(tmp_path: Path) -> None:
    # A new trial needs the time of 10 epochs, one for safety; one that waits after its first, 9.
    whole = []
    for epochs_of_time in (1000.0, 9.5):
        (folder := tmp_path / str(epochs_of_time)).mkdir()
        bench = Bench(folder, spec(trials=12))
        bench.run(epochs_of_time=epochs_of_time)
        whole.append([*map(len, bench.trained.epochs.values())].count(EPOCHS))
    assert whole[0] < whole[1]


def test_more_trials_may_promote_what_was_paused_when_the_search_was_stopped(
    tmp_path: Path,
) -> None:
    bench = Bench(tmp_path, spec(trials=12))
    bench.run(reports=20, stop=True)
    before = {t.number for t in bench.record().trials if t.state == "paused"}
    watcher = bench.run()
    promoted = before & set(watcher.from_epochs)
    assert promoted
    after = {t.number: t for t in bench.record().trials}
    assert all(1 in after[number].attributes["promoted"] for number in promoted)
