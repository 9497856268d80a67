"""hpsearch itself on the simulated clock: its coordinator, its samplers and its schedulers."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import optuna

from hpsearch.engines.engine import Exited, Handler
from hpsearch.engines.slots import Slot
from hpsearch.protocol.job import Job
from hpsearch.protocol.messages import Ended, Report
from hpsearch.search.coordinator import Coordinator, SearchSetup
from hpsearch.search.store import StudyWriter
from hpsearch.search.store.keys import WHOLE
from hpsearch.search.store.sampling import build_sampler
from hpsearch.studyfile.known_settings import expected_setting
from hpsearch.studyfile.study import StudySpec
from policies.clock import SWITCH, Log, Run, settings_of
from policies.tasks import Setting, Task, size_of

NOWHERE = Path("no-such-folder")
Kind = Literal["report", "end", "gone"]


class TimeIsUp(Exception):
    """The budget of the simulation is spent."""


class SimulatedEngine:
    """An engine whose trials read their losses from a task, in simulated time.

    Args:
        task: the task to tune.
        workers: slots.
        budget: of time, in epochs of all workers together.
        objectives: `loss`, `size`, or both.
    """

    def __init__(
        self, task: Task, workers: int, budget: float, objectives: Sequence[str] = ("loss",)
    ) -> None:
        self.slots = tuple(Slot(f"cpu:{n}", "cpu", 1) for n in range(workers))
        self.ready = True
        self.log = Log()
        self._task, self._workers, self._budget = task, workers, budget
        self._objectives = objectives
        self._now, self._order = 0.0, itertools.count()
        self._runs: dict[int, Run] = {}
        self._due: list[tuple[float, int, Run]] = []

    def start(self, job: Job, slot: Slot) -> None:
        """Begins a trial, or continues it after its epochs so far."""
        if job.number not in self._runs:
            setting = settings_of(job.params)
            run = Run(job.number, self._task.curve(setting), size=size_of(self._task, setting))
            self._runs[job.number] = run
        self._put(self._runs[job.number], 1.0 + SWITCH)

    def poll(self, handler: Handler, timeout_s: float) -> None:
        """Trains the epoch that ends next, and follows the decision."""
        if not self._due:
            raise TimeIsUp
        self._now, _, run = heapq.heappop(self._due)
        if self._now * self._workers > self._budget:
            raise TimeIsUp
        measured = {"loss": self.log.add(self._now * self._workers, run), "size": run.size}
        found = {name: measured[name] for name in self._objectives}
        last = run.done >= self._task.epochs
        decision = handler(run.number, Report(run.done, found, found, float(run.done), last))
        if decision == "continue" and run.done < self._task.epochs:
            self._put(run, 1.0)
            return
        whole = run.done >= self._task.epochs
        how = "complete" if whole else "pruned" if decision == "prune" else "stopped"
        handler(run.number, Ended(how))
        handler(run.number, Exited(0))

    def kill(self, number: int) -> None:
        """Does nothing: simulated trials are not killed."""

    def close(self) -> None:
        """Does nothing: no process was started."""

    def _put(self, run: Run, wait: float) -> None:
        heapq.heappush(self._due, (self._now + wait, next(self._order), run))


def search(
    task: Task,
    seed: int,
    workers: int,
    budget: float,
    study: Mapping[str, Any],
    known: Sequence[Setting] = (),
) -> Log:
    """Runs the real coordinator on a task until the budget of time is spent.

    Args:
        task: the task to tune.
        seed: of the study.
        workers: slots.
        budget: of time, in epochs of all workers together.
        study: keys of the `study:` block, such as `scheduler` and `sampler`.
        known: settings believed to be good: the first is the priors, the others are enqueued.
    """
    spec = _spec(task, seed, study, known[0] if known else {})
    directions = list(spec.objectives.values())
    here = optuna.create_study(directions=directions, sampler=build_sampler(spec, 0))
    if expected := expected_setting(spec.space):
        here.enqueue_trial(expected, user_attrs={WHOLE: True})
    for setting in known[1:]:
        here.enqueue_trial({f"model.{name}": value for name, value in setting.items()})
    engine, watcher = SimulatedEngine(task, workers, budget, [*spec.objectives]), _Nobody()
    setup = SearchSetup(spec, NOWHERE)
    coordinator = Coordinator(setup, StudyWriter(here, spec), _Written(), engine, watcher)
    try:
        coordinator.run()
    except TimeIsUp:
        return engine.log
    return engine.log


def _spec(
    task: Task, seed: int, study: Mapping[str, Any], priors: Mapping[str, float]
) -> StudySpec:
    expressions = {name: of.expression for name, of in task.space.items()}
    for name, value in priors.items():
        expressions[name] = f"{expressions[name][:-1]}, prior={value!r})"
    return StudySpec.from_document(
        {
            "study": {
                "name": "simulated",
                "objective": {"loss": "minimize"},
                "trials": 1_000_000,
                "seed": seed,
                **study,
            },
            "model": {"class_path": "a.Model", "init_args": expressions},
            "data": {"class_path": "a.Data"},
            "trainer": {"max_epochs": task.epochs},
        }
    )


class _Written:
    """The write-behind queue of a study that exists only in memory."""

    trouble = ""
    empty = True
    notes = ()
    taken = written = 0

    def pump(self) -> None: ...

    def flush(self, timeout_s: float) -> bool:
        return True


class _Nobody:
    """An observer that does nothing."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None
