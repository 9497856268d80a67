"""Backups, restores, copies, takeovers, kills and old files, in random histories of a search.

A trial's value is a function of its parameters alone, so that a value which belongs to other
parameters is seen wherever it appears. Each step is one message of a trial.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import random
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import yaml
from coordinating import coordinator_of
from fault_score import FULL
from optuna.trial import FrozenTrial
from scripted import ScriptedEngine, Watcher, report

from hpsearch.engines.engine import Exited, Handler
from hpsearch.errors import InputError
from hpsearch.protocol.events import EventLog, read_record
from hpsearch.protocol.job import Job
from hpsearch.protocol.messages import Ended, Message, Started
from hpsearch.search.coordinator import SearchSetup, starts
from hpsearch.search.fsck import examine_study, repair_study
from hpsearch.search.store import (
    DatabaseUnavailableError,
    WriteBehindQueue,
    buffer_writes,
    claim_folder,
    close_storage,
    create_study,
    describe_study,
    find_runs,
    open_storage,
    open_study,
    read_storage,
    take_lease,
)
from hpsearch.search.store.tables import read_trials
from hpsearch.search.store.write_behind import guard as guard_module
from hpsearch.search.store.write_behind import queue as queue_module
from hpsearch.studyfile.study import StudySpec
from hpsearch.trial.saving.claim import Claim

EPOCHS = 5
BUDGET = 12
STEPS = int(os.environ.get("HPSEARCH_HISTORY_STEPS", "50000" if FULL else "2000"))
A_HISTORY = 250
ACTS = 12


class CoordinatorKilled(BaseException):
    """SIGKILL, as far as a test in one process can have it."""


def spec(sampler: str) -> StudySpec:
    return StudySpec.from_document(
        {
            "study": {
                "name": "chaos",
                "objective": {"score": "maximize"},
                "sampler": sampler,
                "pruner": "none",
                "trials": BUDGET,
                "seed": 3,
            },
            "model": {"class_path": "a.Model", "init_args": {"x": "~float(0, 1)"}},
            "data": {"class_path": "a.Data"},
            "trainer": {"max_epochs": EPOCHS},
        }
    )


# Their first proposals differ: after a restore, numbers are given to other parameters.
SPECS = (spec("random"), spec("tpe"))


def value_of(x: float, step: int) -> float:
    digest = hashlib.sha256(f"{x!r} {step}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


class Trainer(ScriptedEngine):
    """Trials that speak one message a step; some are of an earlier version, some are killed."""

    def __init__(self, chance: random.Random, steps: int) -> None:
        super().__init__(2, self.train)
        self.steps = 0
        self.said: list[tuple[int, float, int]] = []
        self.meanwhile: Any = None
        self._chance = chance
        self._left = steps
        self._deaths: Counter[int] = Counter()

    def train(self, job: Job) -> Iterator[Message | Exited]:
        folder = Path(job.folder)
        folder.mkdir(parents=True, exist_ok=True)
        self._leave_late_report(job)
        Claim(folder, job.attempt)  # which raises if a later attempt has been here
        old = self._chance.random() < 0.15
        log = EventLog(folder / "events.jsonl", *(() if old else (job.identity, job.attempt)))
        (folder / "params.yaml").write_text(yaml.safe_dump({"params": dict(job.params)}))
        log.begin()
        x = float(job.config["model"]["init_args"]["x"])
        # The checkpoint may be an epoch behind what was reported.
        done = max((r.step for r in log.reports), default=0)
        done = max(0, done - self._chance.randint(0, 1))
        yield Started(done, {"split": "one"})
        for step in range(done + 1, EPOCHS + 1):
            log.append(said := report(step, value_of(x, step)))
            yield said
            self.said.append((job.number, x, step))
        log.append(Ended("complete"))
        yield Ended("complete")
        yield Exited(0)

    def _leave_late_report(self, job: Job) -> None:
        """Lets the process that had the trial before report once more: it still has the folder."""
        path = Path(job.folder) / "events.jsonl"
        record = read_record(path, job.identity)
        step = max((r.step for r in record.reports), default=0) + 1
        if record.proved and record.ended is None and step < EPOCHS and self._chance.random() < 0.3:
            x = float(job.config["model"]["init_args"]["x"])
            EventLog(path, job.identity, "before").append(report(step, value_of(x, step)))

    def poll(self, handler: Handler, timeout_s: float) -> None:
        self.steps += 1
        self._left -= 1
        if self._left < 0:
            raise CoordinatorKilled
        if self.meanwhile is not None and self._chance.random() < 0.03:
            self.meanwhile()
        if not self._running:
            return
        number = self._chance.choice(sorted(self._running))
        # A fourth death in a row would be the trial's failure, and rightly so.
        if self._chance.random() < 0.03 and self._deaths[number] < 3:
            self._deaths[number] += 1
            self.kill(number)
        message = next(self._running[number])
        handler(number, message)
        if isinstance(message, Exited):
            self._running.pop(number, None)


class Project:
    """A folder with a database and its runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"sqlite:///{folder}/study.db"
        self.known: set[tuple[int, float, int]] = set()  # reports that were acknowledged

    def live(self, chance: random.Random, steps: int, *, meanwhile: Any = None) -> Trainer:
        """Lets a coordinator live for so many steps at most."""
        storage = open_storage(self.url)
        described = chance.choice(SPECS)
        study = open_study(storage, "chaos").study
        lease = take_lease(storage.engine, study._study_id, "chaos")
        engine = Trainer(chance, steps)
        engine.meanwhile = meanwhile
        try:
            runs = find_runs(study, None)
            folder = claim_folder(study, runs)
            assert folder.is_relative_to(self.folder), "a copy writes into the original"
            describe_study(study, described, runs, BUDGET)
            writes = WriteBehindQueue(storage.engine, lease)
            try:
                buffered = buffer_writes(study, writes)
                setup = SearchSetup(described, folder, budget=BUDGET)
                coordinator_of(buffered, setup, writes, engine, Watcher()).run()
            finally:
                # A kill ends the thread that writes, too; here it may be in the middle of a batch.
                writes._thread.shutdown(wait=True)
            self.known |= set(engine.said)
        except (CoordinatorKilled, DatabaseUnavailableError):
            # What was said last may be on its way still: the record has it.
            pass
        finally:
            lease.release()
            close_storage(storage)
        return engine

    def trials(self) -> list[FrozenTrial]:
        storage = read_storage(self.url)
        return read_trials(storage.engine, storage.get_study_id_from_name("chaos"))

    def wrong(self) -> int:
        """Returns how many values are not those of their own parameters."""
        return sum(wrong_values(trial) for trial in self.trials())

    def records(self) -> list[str]:
        """Returns the hashes of all records there are, moved ones included."""
        files = sorted(self.folder.rglob("events.jsonl"))
        return sorted(hashlib.sha256(file.read_bytes()).hexdigest() for file in files)

    def check(self) -> None:
        trials = self.trials()
        assert [trial.number for trial in trials] == list(range(len(trials)))
        assert len(trials) <= BUDGET
        wrong = sum(wrong_values(trial) for trial in trials)
        assert wrong == 0, "a value is not that of its parameters"
        stored = {
            (trial.number, trial.params["model.x"], step)
            for trial in trials
            if trial.params
            for step in trial.intermediate_values
        }
        assert self.known <= stored, "an acknowledged report was lost"


def wrong_values(trial: FrozenTrial) -> int:
    """Returns how many of a trial's values are not those of its own parameters."""
    if not trial.params:
        return len(trial.intermediate_values)
    right = {step: value_of(trial.params["model.x"], step) for step in range(1, EPOCHS + 1)}
    wrong = sum(right[step] != value for step, value in trial.intermediate_values.items())
    complete = trial.state.name == "COMPLETE"
    return wrong + (complete and trial.values != [max(right.values())])


class History:
    """What happens to a project and its copies."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.chance = random.Random(seed)
        self.folder = folder
        first = Project(folder / "0")
        first.folder.mkdir()
        storage = open_storage(first.url)
        create_study(SPECS[0], storage, first.folder / "runs")
        close_storage(storage)
        self.projects = [first]
        self.backups: list[Path] = []
        self.steps = 0

    def step(self) -> None:
        project = self.chance.choice(self.projects)
        act = self.chance.choice(
            [
                *(self.live, self.live, self.live, self.back_up, self.restore),
                *(
                    self.restore_runs,
                    self.copy,
                    self.rival,
                    self.tamper,
                    self.lose_owner_file,
                    self.swap,
                ),
            ]
        )
        act(project)
        project.check()

    def finish(self) -> None:
        """Lets every project continue to its end, and checks that the whole budget is there."""
        for project in self.projects:
            for _ in range(10):
                if project.live(self.chance, 1000).steps <= 1000:
                    break
            project.check()
            trials = project.trials()
            assert len(trials) == BUDGET
            assert {trial.state.name for trial in trials} == {"COMPLETE"}

    def live(self, project: Project, meanwhile: Any = None) -> None:
        engine = project.live(self.chance, self.chance.randint(5, 40), meanwhile=meanwhile)
        self.steps += engine.steps

    def back_up(self, project: Project) -> None:
        place = self.folder / f"backup-{len(self.backups)}"
        shutil.copytree(project.folder, place)
        self.backups.append(place)

    def restore(self, project: Project) -> None:
        """Puts back an older database, beside the runs as they are."""
        if self.backups:
            for path in project.folder.glob("study.db*"):
                path.unlink()
            shutil.copy(self.chance.choice(self.backups) / "study.db", project.folder)
            project.known = set()

    def restore_runs(self, project: Project) -> None:
        """Puts back older runs, beside the database as it is."""
        backup = self.chance.choice(self.backups) if self.backups else project.folder
        if (backup / "runs").exists() and backup != project.folder:
            shutil.rmtree(project.folder / "runs", ignore_errors=True)
            shutil.copytree(backup / "runs", project.folder / "runs")

    def copy(self, project: Project) -> None:
        """Copies the project, or only its database; both continue."""
        if len(self.projects) > 2:
            return
        other = Project(self.folder / str(len(self.projects)))
        if self.chance.random() < 0.7:
            shutil.copytree(project.folder, other.folder)
            other.known = set(project.known)
        else:
            other.folder.mkdir()
            (other.folder / "runs").mkdir()
            shutil.copy(project.folder / "study.db", other.folder)
        self.projects.append(other)

    def rival(self, project: Project) -> None:
        """A search of the same study lives in another container, its clock 90 s ahead or behind."""
        storage = open_storage(project.url)
        lease = take_lease(storage.engine, 1, "chaos")
        statement = "UPDATE hpsearch_lease SET namespace = 'pid:[1]', until = until + :jump"
        jump = self.chance.choice([-30, 0, 90])
        with storage.engine.begin() as connection:
            connection.execute(sa.text(statement), {"jump": jump})
        with pytest.raises(InputError, match="is being run by another process"):
            project.live(self.chance, 1)
        lease.release()
        close_storage(storage)

    def swap(self, project: Project) -> None:
        """The database is deleted, or an older one is put back, while the search runs."""
        before = set(project.known)

        def swap() -> None:
            for path in project.folder.glob("study.db*"):
                path.unlink()
            if self.backups and self.chance.random() < 0.6:
                shutil.copy(self.chance.choice(self.backups) / "study.db", project.folder)

        if (project.folder / "study.db").exists() and self.backups:
            self.live(project, swap)
            if not project.known - before:
                project.known = set()
            if not (project.folder / "study.db").exists():
                shutil.copy(self.backups[-1] / "study.db", project.folder)
                project.known = set()

    def lose_owner_file(self, project: Project) -> None:
        for file in project.folder.glob("runs/chaos/study.json"):
            file.unlink()

    def tamper(self, project: Project) -> None:
        """Changes the database by hand; what `fsck --repair` makes of it is not worse."""
        kept = self.folder / "kept"
        shutil.copytree(project.folder, kept)
        storage = open_storage(project.url)
        with storage.engine.begin() as connection:
            connection.execute(sa.text(self.chance.choice(TAMPERING)))
        close_storage(storage)
        wrong, records = project.wrong(), project.records()
        found = examine_study(project.url, "chaos", None)

        _, after = repair_study(project.url, "chaos", None)

        assert project.wrong() <= wrong, f"worse than before: {found.problems}"
        assert project.records() == records, "a record was lost"
        left = [problem for problem in after.errors if problem.repair is not None]
        assert not left, f"one repair does not repair all, of {found.errors}"
        shutil.rmtree(project.folder)
        shutil.move(kept, project.folder)


TAMPERING = (
    "UPDATE trial_params SET param_value = 0.25 WHERE trial_id = 1",
    "UPDATE trials SET state = 'PRUNED' WHERE trial_id = 2",
    "UPDATE trials SET state = 'FAIL' WHERE trial_id = 1",
    "UPDATE trials SET state = 'WAITING' WHERE trial_id = 1",
    "DELETE FROM trial_values",
    "UPDATE trial_values SET value = 0.5 WHERE trial_id = 2",
    "UPDATE trial_intermediate_values SET intermediate_value = 0.5 WHERE step = 3",
    "DELETE FROM trial_intermediate_values WHERE step = 2",
    "UPDATE study_directions SET direction = 'MINIMIZE'",
    "DELETE FROM trials WHERE trial_id = (SELECT max(trial_id) FROM trials)",
)


@pytest.mark.parametrize("seed", range(STEPS // A_HISTORY))
def test_no_history_shows_a_value_of_other_parameters_or_loses_a_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(queue_module, "FIRST_WAIT_S", 0.001)
    monkeypatch.setattr(guard_module, "WATCH_S", 0.0)
    monkeypatch.setattr(starts, "WRITE_S", 0.05)
    steps = 0
    for number in itertools.count():
        folder = tmp_path / str(number)
        folder.mkdir()
        history = History(folder, 1000 * seed + number)
        history.live(history.projects[0])
        # A study that is done has nothing more to happen to it: another one begins.
        for _ in range(ACTS):
            history.step()
        history.finish()
        steps += history.steps
        if steps >= A_HISTORY:
            return
