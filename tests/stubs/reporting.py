"""A whole search whose trials only report: its coordinator, database and files are real."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from coordinating import coordinator_of
from scripted import ScriptedEngine, Watcher

from hpsearch.engines.engine import Exited
from hpsearch.protocol.job import Job
from hpsearch.protocol.messages import Ended, Message, Report, Started
from hpsearch.search.coordinator import SearchSetup
from hpsearch.search.store import open_study
from hpsearch.search.store.create import create_study
from hpsearch.search.store.database import open_storage
from hpsearch.search.store.lease import take_lease
from hpsearch.search.store.load import load_record
from hpsearch.search.store.write_behind import WriteBehindQueue, buffer_writes
from hpsearch.studyfile.study import StudySpec

NAME = "reporting"


def reports(count: int) -> Callable[[Job], Iterator[Message | Exited]]:
    """Returns what a trial of so many epochs says."""

    def trial(job: Job) -> Iterator[Message | Exited]:
        yield Started(0, {"split": "one"})
        for step in range(1, count + 1):
            value = job.number + step / 100
            yield Report(step, {"score": value}, {"score": value, "loss": 1 / value}, step / 10)
        yield Ended("complete")
        yield Exited(0)

    return trial


class Study:
    """A study of one number, in a new database; `study` goes into the section of that name."""

    def __init__(self, url: str, folder: Path, budget: int, **study: Any) -> None:
        self._budget = budget
        self._folder = folder / "runs" / NAME
        self._storage = open_storage(url)
        self._spec = StudySpec.from_document(
            {
                "study": {
                    "name": NAME,
                    "objective": {"score": "maximize"},
                    "trials": budget,
                    **study,
                },
                "model": {"class_path": "a.Model", "init_args": {"x": "~float(0, 1)"}},
                "data": {"class_path": "a.Data"},
                "trainer": {"max_epochs": 1000},
            }
        )
        create_study(self._spec, self._storage, self._folder.parent)

    def run(self, engine: ScriptedEngine) -> None:
        """Searches until the database has everything."""
        study, watcher = open_study(self._storage, NAME).study, Watcher()
        lease = take_lease(self._storage.engine, study._study_id, NAME)
        with WriteBehindQueue(self._storage.engine, lease) as writes:
            coordinator_of(
                buffer_writes(study, writes),
                SearchSetup(self._spec, self._folder, budget=self._budget),
                writes,
                engine,
                watcher,
            ).run()
        lease.release()

    def record(self) -> Any:
        """Returns what the database has of it."""
        return load_record(self._storage, NAME)
