"""Many searches and many slots write to one SQLite file."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scoring import FULL, Score
from scripted import ScriptedEngine, Watcher
from searching import Search, check_budget, study_of

from hpsearch.engines.engine import Gone, Handler
from hpsearch.search.active import TrialLimits
from hpsearch.search.coordinator import Coordinator
from hpsearch.search.lease import take_lease
from hpsearch.search.ledger import Ledger, create_study
from hpsearch.search.outbox import Outbox
from hpsearch.search.owned_study import own
from hpsearch.search.results import load_record, load_study, trial_folder, trial_record
from hpsearch.search.room import Room
from hpsearch.search.run import make_job
from hpsearch.search.stop_request import StopRequest
from hpsearch.search.storage import open_storage
from hpsearch.spec.job import Job
from hpsearch.spec.messages import Ended, Message, Report, Started, Verdict
from hpsearch.spec.study import StudySpec


@pytest.mark.process
@pytest.mark.fault("9. searches begin at once on a fresh SQLite file", short=1, full=3)
def test_searches_that_begin_at_once_share_a_fresh_file(
    tmp_path: Path, score: Score, repeat: int
) -> None:
    url = f"sqlite:///{tmp_path}/fresh.db"
    searches = [
        Search(tmp_path / name, study_of(2, 3, name=name), slots=1, storage=url)
        for name in [f"study-{number}" for number in range(8 if FULL else 3)]
    ]
    for search in searches:
        search.begin()
    for search in searches:
        assert search.wait_for_end() == 0, search.output
        check_budget(search, 2, 3)
        score.struck()


class Timed(ScriptedEngine):
    """Measures how long a trial waits for its verdict."""

    def __init__(self, slots: int, reports: int) -> None:
        super().__init__(slots, self.train)
        self.waits: list[float] = []
        self._reports = reports

    def train(self, job: Job) -> Iterator[Message | Gone]:
        yield Started(0, {"split": "one"})
        for step in range(1, self._reports + 1):
            value = job.number + step / 100
            yield Report(step, {"score": value}, {"score": value, "loss": 1 / value}, step / 10)
        yield Ended("complete")
        yield Gone(0)

    def poll(self, handler: Handler, timeout_s: float) -> None:
        def timed(number: int, message: Message | Gone) -> Verdict | None:
            began = time.perf_counter()
            verdict = handler(number, message)
            if isinstance(message, Report):
                self.waits.append(time.perf_counter() - began)
            return verdict

        super().poll(timed, timeout_s)


class Study:
    """A study whose trials say what a script says, in a SQLite file."""

    def __init__(self, folder: Path, budget: int, **study: Any) -> None:
        self._budget = budget
        self._folder = folder / "runs" / "many"
        self._storage = open_storage(f"sqlite:///{folder}/many.db")
        self._spec = StudySpec.from_document(
            {
                "study": {
                    "name": "many",
                    "objective": {"score": "maximize"},
                    "trials": budget,
                    "seed": 1,
                    **study,
                },
                "model": {"class_path": "a.Model", "init_args": {"x": "~float(0, 1)"}},
                "data": {"class_path": "a.Data"},
                "trainer": {"max_epochs": 1000},
            }
        )
        create_study(self._spec, self._storage, folder / "runs")

    def run(self, engine: ScriptedEngine) -> None:
        study, watcher = load_study(self._storage, "many"), Watcher()
        lease = take_lease(self._storage.engine, study._study_id, "many")
        with Outbox(self._storage.engine, lease) as outbox:
            owned = own(study, outbox)
            Coordinator(
                Ledger(owned, self._spec),
                engine,
                watcher,
                outbox,
                StopRequest(),
                make_job=self._job,
                record=lambda number: trial_record(
                    owned.get_trials(deepcopy=False)[number], self._folder
                ),
                objectives={"score": "maximize"},
                budget=self._budget,
                deadline=None,
                limits=TrialLimits(),
                room=Room(self._folder, watcher),
                tidy=lambda _: None,
            ).run()
        lease.release()

    def record(self) -> Any:
        return load_record(self._storage, "many")

    def _job(
        self, number: int, params: Mapping[str, Any], config: Mapping[str, Any], slot: Any
    ) -> Job:
        folder = self._folder / trial_folder(number)
        return make_job(self._spec, number, params, config, folder, slot.device, slot.threads)


@pytest.mark.fault("9. twenty trials of twenty reports each from 8 and 32 slots", short=1, full=20)
@pytest.mark.parametrize("slots", [8, 32])
def test_many_slots_report_without_error_and_without_waiting(
    tmp_path: Path, score: Score, repeat: int, slots: int
) -> None:
    trials = 20 * slots if FULL else 2 * slots
    study = Study(tmp_path, trials, sampler="random", pruner="none")
    engine = Timed(slots, reports=20)
    began = time.perf_counter()
    study.run(engine)
    taken = time.perf_counter() - began

    record = study.record()
    assert record.counts["complete"] == trials
    assert all(len(trial.values_by_epoch) == 20 for trial in record.trials)
    score.struck(20 * trials)
    score.worst("ms p99 until the verdict", 1000 * float(np.quantile(engine.waits, 0.99)))
    score.worst("ms for a report and its share of all else", 1000 * taken / (20 * trials))


@pytest.mark.fault("19. a study of 1,000 trials (TPE, median pruner)", short=0, full=3)
def test_a_study_of_a_thousand_trials_stays_quick(
    tmp_path: Path, score: Score, repeat: int
) -> None:
    study = Study(tmp_path, 1000, sampler="tpe", pruner="median")
    engine = Timed(8, reports=5)
    study.run(engine)
    began = time.perf_counter()
    record = study.record()
    score.worst("s to read the study for `status`", time.perf_counter() - began)

    assert len(record.trials) == 1000
    assert all(trial.state in ("complete", "pruned") for trial in record.trials)
    score.struck()
    score.worst("ms p99 until the verdict", 1000 * float(np.quantile(engine.waits, 0.99)))
    assert score.figures["s to read the study for `status`"] <= 2.0
