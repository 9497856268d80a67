"""The coordinator under random interleavings of asks, reports, kills, outages and resumes.

Each seed is one history of some thousand steps. After every life of the coordinator, and at the
end, the database is compared with the trials' own records.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from coordinating import coordinator_of
from optuna.trial import FrozenTrial
from scripted import ScriptedEngine, Watcher, report
from sqlalchemy.exc import OperationalError

from hpsearch.engines.engine import Exited, Handler
from hpsearch.protocol.events import EventLog, read_events
from hpsearch.protocol.job import Job
from hpsearch.protocol.layout import trial_folder
from hpsearch.protocol.messages import Ended, Message, Report, Started
from hpsearch.search.coordinator import SearchSetup
from hpsearch.search.coordinator import starts as starts_module
from hpsearch.search.coordinator import trial_queue as queue_module
from hpsearch.search.store import open_study
from hpsearch.search.store.create import create_study
from hpsearch.search.store.database import open_storage
from hpsearch.search.store.lease import take_lease
from hpsearch.search.store.write_behind import WriteBehindQueue, buffer_writes, queue
from hpsearch.studyfile.study import StudySpec

EPOCHS = 12
BUDGET = 60
LEGAL = {"RUNNING", "WAITING", "COMPLETE", "PRUNED", "FAIL"}
# What no history can do with less: every trial starts, reports twice and ends.
STEPS_A_SEED = 4 * BUDGET
# Some three thousand steps in all; `make faults` takes more than ten thousand.
SEEDS = range(int(os.environ.get("HPSEARCH_HISTORIES", "6")))


class CoordinatorKilled(BaseException):
    """SIGKILL, as far as one process can imitate it: nothing more is done or written."""


class Chaos(ScriptedEngine):
    """Lets one random trial speak a step, and sometimes kills it, the coordinator or the database.

    Args:
        chance: every decision comes from it.
        outage: sets whether the database answers.
    """

    def __init__(self, chance: random.Random, outage: Outage) -> None:
        super().__init__(3, self.train)
        self.steps = 0
        self._chance = chance
        self._outage = outage

    def train(self, job: Job) -> Iterator[Message | Exited]:
        folder = Path(job.folder)
        folder.mkdir(parents=True, exist_ok=True)
        log = EventLog(folder / "events.jsonl", job.identity, job.attempt)
        # The checkpoint may be an epoch behind what was reported.
        done = max((r.step for r in log.reports), default=0)
        done = max(0, done - self._chance.randint(0, 1))
        yield Started(done, {"split": "one"})
        decision = random.Random(job.number).random()
        for step in range(done + 1, EPOCHS + 1):
            if decision < 0.1 and step == 3:
                failed = Ended("failed", f"ValueError: trial {job.number}")
                log.append(failed)
                yield failed
                yield Exited(0)
            said = report(step, value_of(job.number, step))
            log.append(said)
            yield said
        log.append(Ended("complete"))
        yield Ended("complete")
        yield Exited(0)

    def poll(self, handler: Handler, timeout_s: float) -> None:
        self.steps += 1
        event = self._chance.random()
        if event < 0.01:
            raise CoordinatorKilled
        if event < 0.04:
            self._outage.toggle()
        if not self._running:
            return
        number = self._chance.choice(sorted(self._running))
        if event > 0.96:
            self.kill(number)
        message = next(self._running[number])
        decision = handler(number, message)
        if isinstance(message, Exited):
            self._running.pop(number, None)
        elif decision == "prune":
            job = next(j for j in reversed(self.jobs) if j.number == number)
            log = EventLog(Path(job.folder) / "events.jsonl", job.identity, job.attempt)
            log.append(Ended("pruned"))
            self._running[number] = iter([Ended("pruned"), Exited(0)])
        elif decision == "stop":
            self._running[number] = iter([Ended("stopped"), Exited(0)])


class Outage:
    """A database that answers or does not."""

    def __init__(self, engine: sa.Engine) -> None:
        self.down = False
        sa.event.listen(engine, "before_cursor_execute", self._refuse)

    def toggle(self) -> None:
        self.down = not self.down

    def _refuse(self, *_: Any) -> None:
        if self.down:
            raise OperationalError("", {}, Exception("the server is away"))


class Mender(Watcher):
    """Makes the database answer again after a few turns, so that every history ends."""

    def __init__(self, outage: Outage) -> None:
        super().__init__()
        self._outage = outage
        self._turns = 0

    def refresh(self) -> None:
        self._turns = self._turns + 1 if self._outage.down else 0
        if self._turns > 20:
            self._outage.toggle()


class History:
    """One study, through as many coordinators as it takes."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.chance = random.Random(seed)
        self.storage = open_storage(f"sqlite:///{folder}/study.db")
        self.folder = folder / "runs" / "chaos"
        self.spec = StudySpec.from_document(
            {
                "study": {
                    "name": "chaos",
                    "objective": {"score": "maximize"},
                    "sampler": "random",
                    "pruner": {"class_path": "median", "init_args": {"n_startup_trials": 4}},
                    "trials": BUDGET,
                    "seed": seed,
                },
                "model": {"class_path": "a.Model", "init_args": {"x": "~float(0, 1)"}},
                "data": {"class_path": "a.Data"},
                "trainer": {"max_epochs": EPOCHS},
            }
        )
        create_study(self.spec, self.storage, folder / "runs")
        self.outage = Outage(self.storage.engine)
        self.finished: dict[int, FrozenTrial] = {}
        self.steps = 0

    def live(self) -> bool:
        """Lets a coordinator live until it is done or killed; returns whether it is done."""
        study = open_study(self.storage, "chaos").study
        lease = take_lease(self.storage.engine, study._study_id, "chaos")
        engine, watcher = Chaos(self.chance, self.outage), Mender(self.outage)
        try:
            with WriteBehindQueue(self.storage.engine, lease) as writes:
                coordinator_of(
                    buffer_writes(study, writes),
                    SearchSetup(self.spec, self.folder, budget=BUDGET),
                    writes,
                    engine,
                    watcher,
                ).run()
        except CoordinatorKilled:
            return False
        finally:
            self.steps += engine.steps
            self.outage.down = False
            lease.release()
        return True

    def trials(self) -> list[FrozenTrial]:
        return open_study(self.storage, "chaos").study.get_trials()

    def check(self) -> None:
        """Compares the database with its earlier state, and with the trials' own files."""
        trials = self.trials()
        assert [trial.number for trial in trials] == list(range(len(trials)))
        assert len(trials) <= BUDGET
        for trial in trials:
            assert trial.state.name in LEGAL
            before = self.finished.get(trial.number)
            assert before is None or before == trial, "a finished trial was written again"
            if trial.state.is_finished():
                self.finished[trial.number] = trial
            for step, value in trial.intermediate_values.items():
                assert value == value_of(trial.number, step), "a report was changed"

    def check_end(self) -> None:
        """Checks at the end that the budget is met and no report was lost."""
        trials = self.trials()
        assert len(trials) == BUDGET
        assert all(trial.state.is_finished() for trial in trials)
        for trial in trials:
            events = read_events(self.folder / trial_folder(trial.number) / "events.jsonl")
            steps = {event.step for event in events if isinstance(event, Report)}
            ends = {event.how for event in events if isinstance(event, Ended)}
            assert set(trial.intermediate_values) == steps, "a report was lost"
            expected = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}
            if trial.state.name != "FAIL" or ends:
                assert ends == {expected[trial.state.name]}
            if trial.state.name == "COMPLETE":
                assert trial.value == max(value_of(trial.number, s) for s in steps)


def value_of(number: int, step: int) -> float:
    return random.Random(number * 100 + step).random()


@pytest.mark.parametrize("seed", SEEDS)
def test_no_interleaving_loses_doubles_or_changes_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(queue, "FIRST_WAIT_S", 0.001)
    monkeypatch.setattr(queue, "LONGEST_WAIT_S", 0.01)
    monkeypatch.setattr(starts_module, "WRITE_S", 0.02)
    if seed % 2:
        monkeypatch.setattr(queue_module, "AHEAD_FROM", 10)
    history = History(tmp_path, seed)
    while not history.live():
        history.check()
    history.check()
    history.check_end()
    assert history.steps >= STEPS_A_SEED
