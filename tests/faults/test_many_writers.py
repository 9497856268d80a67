"""Many searches and many slots write to one SQLite file."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from fault_score import FULL, Score
from reporting import Study, reports
from scripted import ScriptedEngine
from searching import Search, check_budget, study_of

from hpsearch.engines.engine import Exited, Handler
from hpsearch.protocol.messages import Decision, Message, Report


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
    """Trials that only report; measures how long each waits for its decision."""

    def __init__(self, slots: int, count: int) -> None:
        super().__init__(slots, reports(count))
        self.waits: list[float] = []

    def poll(self, handler: Handler, timeout_s: float) -> None:
        def timed(number: int, message: Message | Exited) -> Decision | None:
            began = time.perf_counter()
            decision = handler(number, message)
            if isinstance(message, Report):
                self.waits.append(time.perf_counter() - began)
            return decision

        super().poll(timed, timeout_s)


@pytest.mark.fault("9. twenty trials of twenty reports each from 8 and 32 slots", short=1, full=2)
@pytest.mark.parametrize("slots", [8, 32])
def test_many_slots_report_without_error_and_without_waiting(
    tmp_path: Path, score: Score, repeat: int, slots: int
) -> None:
    trials = 20 * slots if FULL else 2 * slots
    url = f"sqlite:///{tmp_path}/many.db"
    study = Study(url, tmp_path, trials, seed=1, sampler="random", pruner="none")
    engine = Timed(slots, 20)
    began = time.perf_counter()
    study.run(engine)
    taken = time.perf_counter() - began

    record = study.record()
    assert record.counts["complete"] == trials
    assert all(len(trial.values_by_epoch) == 20 for trial in record.trials)
    score.struck(20 * trials)
    score.worst("ms p99 until the decision", 1000 * float(np.quantile(engine.waits, 0.99)))
    score.worst("ms for a report and its share of all else", 1000 * taken / (20 * trials))


@pytest.mark.fault("19. a study of 1,000 trials (TPE, median pruner)", short=0, full=1)
def test_a_study_of_a_thousand_trials_stays_quick(
    tmp_path: Path, score: Score, repeat: int
) -> None:
    url = f"sqlite:///{tmp_path}/many.db"
    study = Study(url, tmp_path, 1000, seed=1, sampler="tpe", pruner="median")
    engine = Timed(8, 5)
    study.run(engine)
    began = time.perf_counter()
    record = study.record()
    score.worst("s to read the study for `status`", time.perf_counter() - began)

    assert len(record.trials) == 1000
    assert all(trial.state in ("complete", "pruned") for trial in record.trials)
    score.struck()
    score.worst("ms p99 until the decision", 1000 * float(np.quantile(engine.waits, 0.99)))
    assert score.figures["s to read the study for `status`"] <= 2.0
