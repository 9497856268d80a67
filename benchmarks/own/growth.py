"""The time of one ask, report, tell, status and resume in a study with many finished trials.

    python growth.py CONTESTANT TRIALS

CONTESTANT is `hpsearch`, or `optuna` for Optuna's own storage, sampler and pruner on the same
database.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import optuna
import stubs  # noqa: F401  needed by the next line
from large_study import DOCUMENT, NAME, write_large_study
from optuna.storages import RDBStorage

from hpsearch.protocol.messages import Ended, Report
from hpsearch.search.coordinator.retention import Retention
from hpsearch.search.store.database import open_storage
from hpsearch.search.store.lease import take_lease
from hpsearch.search.store.load import load_record, open_study
from hpsearch.search.store.records import trial_record
from hpsearch.search.store.sampling import build_pruner, build_sampler, suggester
from hpsearch.search.store.write_behind import WriteBehindQueue, buffer_writes
from hpsearch.search.store.writer import StudyWriter
from hpsearch.studyfile.study import StudySpec

ASKED, EPOCHS, PATIENCE_S = 10, 3, 60.0
RUNS = Path("runs")
FOLDER = RUNS / NAME


class Clock:
    """Collects the times of each kind of step, in seconds."""

    def __init__(self) -> None:
        self._seconds: dict[str, list[float]] = {}

    def time(self, kind: str, step: Callable[..., Any], *arguments: Any) -> Any:
        """Times a step and returns its result."""
        start = time.perf_counter()
        done = step(*arguments)
        self._seconds.setdefault(kind, []).append(time.perf_counter() - start)
        return done

    def medians_ms(self) -> dict[str, float]:
        """Returns the median of each kind, in milliseconds."""
        return {f"{kind}_ms": 1000 * median(all_) for kind, all_ in self._seconds.items()}


def with_hpsearch(url: str, trials: int, clock: Clock) -> None:
    """Continues the study as the coordinator does."""
    spec = StudySpec.from_document(DOCUMENT)
    clock.time("status", lambda: load_record(open_storage(url, create=False), NAME))
    storage = open_storage(url, create=False)
    stored = open_study(storage, NAME)
    lease = take_lease(storage.engine, stored.study._study_id, NAME)
    with WriteBehindQueue(storage.engine, lease) as writes:
        writer, retention = clock.time("resume", _open, spec, storage, writes)
        for number in range(trials, trials + ASKED):
            trial = clock.time("ask", _ask, writer, number)
            for step in range(1, EPOCHS + 1):
                report = Report(step, {"val_accuracy": 0.9 + step / 100}, {}, float(step))
                clock.time("report", writer.report, trial, report)
            clock.time("tell", _report_and_rank, writer, retention, trial, report)
            writes.flush(PATIENCE_S)
    lease.release()


def _open(
    spec: StudySpec, storage: RDBStorage, writes: WriteBehindQueue
) -> tuple[StudyWriter, Retention]:
    stored = open_study(storage, NAME)
    buffered = buffer_writes(stored.study, writes)
    retention = Retention(FOLDER, spec.objectives, spec.keep_checkpoints, spec.disk_budget)
    for trial in stored.record(buffered.get_trials(deepcopy=False)).trials:
        retention.take(trial)
    return StudyWriter(buffered, spec), retention


def _report_and_rank(
    writer: StudyWriter, retention: Retention, trial: optuna.Trial, best: Report
) -> None:
    writer.tell(trial, Ended("complete", facts={}), best)
    retention.take(trial_record(writer.trial(trial.number), FOLDER))


def _ask(writer: StudyWriter, number: int) -> optuna.Trial:
    trial = writer.ask(number)
    writer.sample(trial)
    return trial


def with_optuna(url: str, trials: int, clock: Clock) -> None:
    """Continues the study as in Optuna's documentation, with the same sampler and pruner."""
    spec = StudySpec.from_document(DOCUMENT)
    clock.time("status", lambda: optuna.load_study(study_name=NAME, storage=url).trials)
    study = clock.time("resume", _load, url, spec)
    for _ in range(ASKED):
        trial = clock.time("ask", _suggest, study, spec)
        for step in range(1, EPOCHS + 1):
            clock.time("report", _report, trial, step)
        clock.time("tell", study.tell, trial, 0.9 + EPOCHS / 100)


def _load(url: str, spec: StudySpec) -> optuna.Study:
    sampler, pruner = build_sampler(spec, 0), build_pruner(spec)
    study = optuna.load_study(study_name=NAME, storage=url, sampler=sampler, pruner=pruner)
    study.get_trials(deepcopy=False)  # it reads them only now
    return study


def _suggest(study: optuna.Study, spec: StudySpec) -> optuna.Trial:
    trial = study.ask()
    spec.space.sample(suggester(trial))
    return trial


def _report(trial: optuna.Trial, step: int) -> bool:
    trial.report(0.9 + step / 100, step)
    return trial.should_prune()


def main() -> None:
    """Creates the study, continues it, and prints the times."""
    contestant, trials = sys.argv[1], int(sys.argv[2])
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    url = f"sqlite:///{Path.cwd()}/large.db"
    storage = open_storage(url)
    write_large_study(storage, RUNS, trials)
    storage.engine.dispose()
    clock = Clock()
    (with_hpsearch if contestant == "hpsearch" else with_optuna)(url, trials, clock)
    print(json.dumps(clock.medians_ms()))


if __name__ == "__main__":
    main()
