"""A kill at each of the first writes of a study, and of a confirmation: `run` creates it again."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fault_score import Score
from searching import SHAPES, STUBS

from hpsearch.search.store import (
    StudyRecord,
    close_storage,
    list_studies,
    load_record,
    read_storage,
)

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(not shutil.which("strace"), reason="needs strace: apt-get install strace"),
]
WRITES = 300
ENOUGH = 40
SHARDS = 4


class Maker:
    """The warm process of `making.py`."""

    def __init__(self) -> None:
        path = os.pathsep.join([str(STUBS), str(SHAPES), os.environ.get("PYTHONPATH", "")])
        self._process = subprocess.Popen(
            [sys.executable, STUBS / "making.py"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
        )

    def do(self, task: str, folder: Path, kill_at: int = 0) -> int:
        """Does a task; returns its exit code, -9 where it was killed at that write."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([task, str(folder), kill_at]).encode() + b"\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        self._process.communicate()


@pytest.fixture(scope="module")
def maker() -> Iterator[Maker]:
    maker = Maker()
    yield maker
    maker.close()


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory, maker: Maker) -> Path:
    """A folder with a study that is done."""
    folder = tmp_path_factory.mktemp("searched")
    assert maker.do("search", folder) == 0
    return folder


def records(folder: Path) -> dict[str, StudyRecord]:
    """Returns the studies of a folder, all of which can be read."""
    if not (folder / "study.db").exists():
        return {}
    storage = read_storage(f"sqlite:///{folder}/study.db")
    assert list_studies(storage).unreadable == {}
    names = [study.study_name for study in storage.get_all_studies()]
    found = {name: load_record(storage, name) for name in names}
    close_storage(storage)
    return found


def made(record: StudyRecord) -> object:
    """Returns everything in a study before its first trial begins."""
    trials = [(trial.state, trial.params, trial.attributes) for trial in record.trials]
    return record.state, record.budget, record.objectives, trials


@pytest.mark.fault("27. a kill at each write of a study's making", short=0, full=SHARDS)
def test_a_study_that_was_killed_at_a_write_begins_again(
    tmp_path: Path, maker: Maker, score: Score, repeat: int
) -> None:
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    kill_at_each_write(nothing, "make_study", maker, score, repeat)


@pytest.mark.fault("27. a kill at each write of a confirmation's making", short=0, full=SHARDS)
def test_a_confirmation_that_was_killed_at_a_write_begins_again(
    maker: Maker, searched: Path, score: Score, repeat: int
) -> None:
    kill_at_each_write(searched, "make_confirmation", maker, score, repeat)


def kill_at_each_write(before: Path, task: str, maker: Maker, score: Score, shard: int) -> None:
    """Kills the task at each write of a shard, up to the last that it has, and does it again."""
    undisturbed = before.with_name("undisturbed")
    shutil.copytree(before, undisturbed, dirs_exist_ok=True)
    assert maker.do(task, undisturbed) == 0
    expected = {name: made(record) for name, record in records(undisturbed).items()}
    folder = before.with_name("killed")
    for write in range(1 + shard, WRITES + 1, SHARDS):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(before, folder)
        if maker.do(task, folder, write) == 0:
            assert write > ENOUGH, "it hardly wrote anything"
            break
        score.struck()
        records(folder)

        assert maker.do(task, folder) == 0, f"killed at write {write}"
        found = {name: made(record) for name, record in records(folder).items()}
        assert found == expected, f"killed at write {write}"
