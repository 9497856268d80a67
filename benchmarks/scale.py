"""How many slots one coordinator can serve: the real coordinator and database, simulated trials.

    python benchmarks/scale.py --slots 1000 --trials 2000
    python benchmarks/scale.py --known 10000 --sampler tpe --pruner hyperband

A simulated trial reports at the end of each epoch and trains nothing. This measures the time from
when a report is due until its decision is made, the time until every slot has its first trial, and
how long slots stay empty between two trials. All of these include every wait for the sampler, the
pruner and the database.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import json
import os
import random
import resource
import statistics
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

from optuna.distributions import FloatDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.storages import RDBStorage
from optuna.trial import TrialState, create_trial

from hpsearch.engines.engine import Exited, Handler
from hpsearch.engines.factory import PreparedEngine, Workload
from hpsearch.engines.slots import Slot
from hpsearch.internals.optuna import study_id_of
from hpsearch.protocol.job import Job
from hpsearch.protocol.messages import Decision, Ended, Report, Started, TrialOutcome
from hpsearch.search.coordinator import LogObserver
from hpsearch.search.options import RunOptions
from hpsearch.search.run import run_study
from hpsearch.search.store import Mutation, create_study, open_storage, write
from hpsearch.search.store.tables import whole_trial
from hpsearch.studyfile.study import StudySpec

_HOW: dict[Decision | None, TrialOutcome] = {
    "continue": "complete",
    "prune": "pruned",
    "stop": "stopped",
}


class SimulatedEngine:
    """Trials that only wait: each epoch takes `epoch_s`, give or take a tenth.

    Attributes:
        waits: seconds from each report to its decision.
        idle_s: seconds that slots were empty between two trials, summed over slots.
        busy_s: seconds that they were busy.
        began: `time.monotonic()` when the first trial began; None before that.
        full: the same for when every slot had had a trial.
    """

    def __init__(self, slots: tuple[Slot, ...], epochs: int, epoch_s: float) -> None:
        self.slots = slots
        self.ready = True
        self.waits: list[float] = []
        self.idle_s = self.busy_s = 0.0
        self.began: float | None = None
        self.full = 0.0
        self._epochs = epochs
        self._epoch_s = epoch_s
        self._chance = random.Random(0)
        self._due: list[tuple[float, int, int, Job, Slot]] = []
        self._order = itertools.count()
        self._emptied: dict[str, float] = {}
        self._begun: dict[str, float] = {}
        self._done: dict[int, int] = {}

    def start(self, job: Job, slot: Slot) -> None:
        """Begins a trial."""
        now = time.monotonic()
        self.began = self.began or now
        self.idle_s += now - self._emptied.get(slot.name, now)
        if slot.name not in self._begun:
            self.full = now
        self._begun[slot.name] = now
        # Spreads out the first epochs of the slots, as they are in a search after a while.
        first = self._chance.random() if slot.name not in self._emptied else 1.0
        self._schedule(now + first * self._epoch_s, self._done.get(job.number, 0) + 1, job, slot)

    def poll(self, handler: Handler, timeout_s: float) -> None:
        """Returns the reports that are due."""
        now = time.monotonic()
        if not self._due or self._due[0][0] > now + timeout_s:
            time.sleep(timeout_s)
            return
        time.sleep(max(0.0, self._due[0][0] - now))
        while self._due and self._due[0][0] <= time.monotonic():
            due, _, step, job, slot = heapq.heappop(self._due)
            self._report(due, step, job, slot, handler)

    def kill(self, number: int) -> None:
        """No trial of this engine hangs."""

    def close(self) -> None:
        """Holds nothing."""

    def _schedule(self, due: float, step: int, job: Job, slot: Slot) -> None:
        heapq.heappush(self._due, (due, next(self._order), step, job, slot))

    def _report(self, due: float, step: int, job: Job, slot: Slot, handler: Handler) -> None:
        done = self._done.get(job.number, 0)
        if step == done + 1:
            handler(job.number, Started(done, {"device": "cpu"}))
        x = float(job.params["model.x"])  # type: ignore[arg-type]
        value = x * step / self._epochs + 0.01 * self._chance.random()
        decision = handler(
            job.number, Report(step, {"score": value}, {"score": value}, float(step))
        )
        now = time.monotonic()
        self.waits.append(now - due)
        if decision == "continue" and step < self._epochs:
            wobble = 0.9 + 0.2 * self._chance.random()
            self._schedule(now + wobble * self._epoch_s, step + 1, job, slot)
            return
        self._done[job.number] = step
        how = _HOW[decision]
        handler(job.number, Ended(how, facts={"epochs": step, "best_step": step}))
        self.busy_s += now - self._begun[slot.name]
        self._emptied[slot.name] = now
        handler(job.number, Exited(0))


def spec_of(options: argparse.Namespace) -> StudySpec:
    """Returns the study to simulate."""
    pauses = options.pruner == "promote"
    return StudySpec.from_document(
        {
            "study": {
                "name": "scale",
                "objective": {"score": "maximize"},
                "sampler": options.sampler,
                "scheduler" if pauses else "pruner": options.pruner,
                "trials": options.known + options.trials,
                "seed": 1,
            },
            "model": {"class_path": "simulated.Model", "init_args": {"x": "~float(0, 1)"}},
            "data": {"class_path": "simulated.Data"},
            "trainer": {"max_epochs": options.epochs},
        }
    )


def fill(spec: StudySpec, storage: RDBStorage, runs: Path, options: argparse.Namespace) -> None:
    """Writes a study of finished trials: a third complete, the others pruned after an epoch."""
    study = create_study(spec, storage, runs)
    chance, x = random.Random(1), FloatDistribution(0.0, 1.0)
    changes: list[Mutation] = []
    for number in range(options.known):
        value = chance.random()
        epochs = options.epochs if number % 3 == 0 else 1
        curve = {step: value * step / options.epochs for step in range(1, epochs + 1)}
        trial = create_trial(
            state=TrialState.COMPLETE if number % 3 == 0 else TrialState.PRUNED,
            value=value,
            params={"model.x": value},
            distributions={"model.x": x},
            intermediate_values=curve,
            system_attrs={"completed_rung_0": curve[1]},
        )
        trial.number = number
        changes += whole_trial(study_id_of(study), trial)
    with storage.engine.begin() as connection:
        write(connection, changes, {})


def measure(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Runs the simulated search; returns its measurements."""
    slots = tuple(Slot(f"node{i // 100}/cpu:{i % 100}", "cpu", 1) for i in range(options.slots))
    engines: list[SimulatedEngine] = []

    def build(_: Workload) -> SimulatedEngine:
        engines.append(SimulatedEngine(slots, options.epochs, options.epoch_s))
        return engines[-1]

    url, spec = options.storage or f"sqlite:///{folder}/scale.db", spec_of(options)
    if options.known:
        fill(spec, open_storage(url), folder / "runs", options)
    began, processor = time.monotonic(), time.process_time()
    database, run = open_storage(url), RunOptions(runs=folder / "runs")
    run_study(spec, database, run, PreparedEngine(slots, build), LogObserver())
    seconds, (engine,) = time.monotonic() - began, engines
    waits = sorted(engine.waits)
    return {
        "slots": options.slots,
        "sampler": options.sampler,
        "pruner": options.pruner,
        "known": options.known,
        "open s": round((engine.began or began) - began, 2),
        "fill s": round(engine.full - (engine.began or began), 2),
        "load": round(os.getloadavg()[0], 1),
        "trials": options.trials,
        "reports": len(waits),
        "seconds": round(seconds, 1),
        "processor share": round((time.process_time() - processor) / seconds, 3),
        "p50 ms": round(1000 * statistics.median(waits), 2),
        "p99 ms": round(1000 * waits[int(0.99 * len(waits))], 2),
        "worst ms": round(1000 * waits[-1], 2),
        "idle share": round(engine.idle_s / (engine.idle_s + engine.busy_s), 4),
        "memory MB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def main() -> None:
    """Prints the measurements as one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--slots", type=int, default=1000)
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--known", type=int, default=0, help="trials that are finished already")
    parser.add_argument("--epochs", type=int, default=9)
    parser.add_argument("--epoch-s", type=float, default=10.0)
    parser.add_argument("--sampler", default="random")
    parser.add_argument("--pruner", default="median", help="or promote, a scheduler")
    parser.add_argument("--storage", default="")
    options = parser.parse_args()
    # Optuna's on an argument of its TPE.
    warnings.simplefilter("ignore", ExperimentalWarning)
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(options, Path(folder))))


if __name__ == "__main__":
    main()
