"""How quickly hpsearch's coordinator answers and stores reports; nothing is trained.

    python reports.py URL SLOTS TRIALS REPORTS

Each slot reports again as soon as it has its verdict, so that what a slot waits is all the time
between two verdicts. The clock runs until the database has everything.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import stubs  # noqa: F401  the next line needs it
from scripted import ScriptedEngine, Watcher

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

NAME = "reports"


class Reporting(ScriptedEngine):
    """Trials that only report; remembers how long each report waited for its verdict."""

    def __init__(self, slots: int, reports: int) -> None:
        super().__init__(slots, self.train)
        self.waits: list[float] = []
        self._reports = reports
        self._answered: dict[int, float] = {}

    def train(self, job: Job) -> Iterator[Message | Gone]:
        """Yields what a trial says."""
        yield Started(0, {"split": "one"})
        for step in range(1, self._reports + 1):
            value = job.number + step / 100
            yield Report(step, {"score": value}, {"score": value, "loss": 1 / value}, step / 10)
        yield Ended("complete")
        yield Gone(0)

    def poll(self, handler: Handler, timeout_s: float) -> None:
        """Passes one message of each trial on."""

        def timed(number: int, message: Message | Gone) -> Verdict | None:
            verdict = handler(number, message)
            now = time.perf_counter()
            if isinstance(message, Report):
                self.waits.append(now - self._answered[number])
            self._answered[number] = now
            return verdict

        super().poll(timed, timeout_s)


def spec_of(trials: int, reports: int) -> StudySpec:
    """Returns what is searched: one number, at random, and nothing is pruned."""
    return StudySpec.from_document(
        {
            "study": {
                "name": NAME,
                "objective": {"score": "maximize"},
                "sampler": "random",
                "pruner": "none",
                "trials": trials,
            },
            "model": {"class_path": "a.Model", "init_args": {"x": "~float(0, 1)"}},
            "data": {"class_path": "a.Data"},
            "trainer": {"max_epochs": reports + 1},
        }
    )


def main() -> None:
    """Runs the study and says how it went."""
    url, (slots, trials, reports) = sys.argv[1], map(int, sys.argv[2:])
    storage, folder = open_storage(url), Path.cwd() / "runs" / NAME
    spec = spec_of(trials, reports)
    create_study(spec, storage, folder.parent)
    study, engine, watcher = load_study(storage, NAME), Reporting(slots, reports), Watcher()

    def job(number: int, params: Mapping[str, Any], config: Mapping[str, Any], slot: Any) -> Job:
        where = folder / trial_folder(number)
        return make_job(spec, number, params, config, where, slot.device, slot.threads)

    lease = take_lease(storage.engine, study._study_id, NAME)
    start = time.perf_counter()
    with Outbox(storage.engine, lease) as outbox:
        owned = own(study, outbox)
        Coordinator(
            Ledger(owned, spec),
            engine,
            watcher,
            outbox,
            StopRequest(),
            make_job=job,
            record=lambda number: trial_record(owned.get_trials(deepcopy=False)[number], folder),
            objectives={"score": "maximize"},
            budget=trials,
            deadline=None,
            limits=TrialLimits(),
            room=Room(folder, watcher),
            tidy=lambda _: None,
        ).run()
    seconds = time.perf_counter() - start
    lease.release()
    stored = load_record(storage, NAME)
    kept = sum(len(trial.values_by_epoch) for trial in stored.trials)
    lost = trials - stored.counts["complete"]
    print(
        json.dumps(
            {"began": 0, "ended": seconds, "waits": engine.waits, "reports": kept, "lost": lost}
        )
    )


if __name__ == "__main__":
    main()
