"""Why the last run of a search ended early, as its study keeps it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from coordinating import coordinator_of
from reporting import reports
from scripted import ScriptedEngine, Watcher

from hpsearch.engines.engine import Exited
from hpsearch.errors import InputError
from hpsearch.protocol.job import Job
from hpsearch.protocol.messages import Ended, Message, Started
from hpsearch.search.coordinator import SearchSetup
from hpsearch.search.coordinator.stop import ASKED, StopRequest
from hpsearch.search.store import Command, load_record, open_study, take_lease
from hpsearch.search.store.create import create_study
from hpsearch.search.store.database import open_storage
from hpsearch.search.store.write_behind import WriteBehindQueue, buffer_writes
from hpsearch.studyfile.study import StudySpec

Script = Callable[[Job], Iterator[Message | Exited]]
SPEC = StudySpec.from_document(
    {
        "study": {
            "name": "ends",
            "objective": {"score": "maximize"},
            "pruner": "none",
            "trials": 7,
        },
        "model": {"class_path": "a.Model", "init_args": {"x": "~float(0, 1)"}},
        "data": {"class_path": "a.Data"},
        "trainer": {"max_epochs": 1},
    }
)


class Drain:
    """The command to drain, as soon as it is asked for."""

    def take(self) -> list[Command]:
        return [Command("drain", {})]


def fails(job: Job) -> Iterator[Message | Exited]:
    return iter([Started(0, {}), Ended("failed", "ValueError: no"), Exited(0)])


def without_data(job: Job) -> Iterator[Message | Exited]:
    return iter([Ended("failed", "no pictures\nin ./pics", "set-up", fatal=True), Exited(0)])


@pytest.fixture
def last_run(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Runs a search of up to seven trials, and returns what its study keeps of the run."""
    storage, runs = open_storage(f"sqlite:///{tmp_path}/study.db"), tmp_path / "runs"
    create_study(SPEC, storage, runs)

    def run(script: Script, **setup: Any) -> dict[str, Any]:
        study = open_study(storage, "ends").study
        lease = take_lease(storage.engine, study._study_id, "ends")
        known = replace(SearchSetup(SPEC, runs / "ends", budget=7), **setup)
        with WriteBehindQueue(storage.engine, lease) as writes:
            buffered, engine = buffer_writes(study, writes), ScriptedEngine(1, script)
            try:
                coordinator_of(buffered, known, writes, engine, Watcher()).run()
            except InputError:
                assert script is without_data
            finally:
                assert load_record(storage, "ends").last_run is None, "it is running"
                lease.release()
        found: dict[str, Any] = load_record(storage, "ends").last_run  # type: ignore[assignment]
        assert found["began"] <= found["ended"]
        return found

    return run


def asked(reason: str) -> StopRequest:
    stop = StopRequest()
    stop.ask(reason)
    return stop


@pytest.mark.parametrize(
    ("script", "setup", "why"),
    [
        (reports(1), {}, ""),
        (reports(1), {"stop": asked("Ctrl-C")}, "stopped by Ctrl-C"),
        (reports(1), {"stop": asked(ASKED)}, "`hpsearch control` stop"),
        (reports(1), {"commands": Drain()}, "drained by `hpsearch control`"),
        (reports(1), {"deadline": 0.001}, "the time is up"),
        (fails, {}, "5 trials in a row failed in the same way: ValueError: no"),
        (without_data, {}, "no pictures"),
    ],
)
def test_a_study_keeps_why_its_last_run_ended_early(
    last_run: Callable[..., dict[str, Any]], script: Script, setup: dict[str, Any], why: str
) -> None:
    assert last_run(script, **setup)["why"] == why
