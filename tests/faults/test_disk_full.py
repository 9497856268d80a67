"""A disk fills up during a search: it waits, says so, and continues once there is space."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from fault_score import Score
from searching import EPOCHS, TRIALS, Search, check_budget, check_equal, study_of

from hpsearch.trial.saving import checkpoint

pytestmark = pytest.mark.process

AGAIN = "s until it continued, once there was room"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(disk)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("a small disk can be made by root only: mount -t tmpfs -o size=16m")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def fill_up(disk: Path) -> None:
    """Takes all free space, even while others write."""
    with contextlib.suppress(OSError), (disk / "filler").open("wb", buffering=0) as filler:
        while True:
            filler.write(b"0" * 4096)


def make_room(disk: Path) -> None:
    (disk / "filler").unlink()


@pytest.mark.fault("12. the disk of a node is full", short=0, full=1)
def test_a_node_whose_disk_is_full_is_left_out(
    tmp_path: Path, small_disk: Path, score: Score, repeat: int
) -> None:
    fill_up(small_disk)
    agent = f"{sys.executable} -m hpsearch agent --devices cpu:1 --scratch {small_disk}"
    nodes = {"nodes": ["local", {"host": "full", "command": agent}]}
    cluster = tmp_path / "cluster.yaml"
    cluster.write_text(yaml.safe_dump(nodes))
    search = Search(tmp_path / "search", study_of(2, 3), options=("--nodes", str(cluster)))

    search.begin()

    assert search.wait_for_end() == 0, search.output
    check_budget(search, 2, 3)
    line = "node full is left out: the disk that holds"
    assert search.output.count(line) == 1
    assert "cannot be written (No space left on device)" in search.output
    score.struck()


@pytest.mark.fault("12. the disk under the trials is full", short=1, full=8)
def test_a_full_disk_under_the_trials_is_waited_out(
    tmp_path: Path, small_disk: Path, undisturbed: Search, score: Score, repeat: int
) -> None:
    study, options = study_of(TRIALS, EPOCHS), ("--runs", str(small_disk))
    search = Search(tmp_path / "search", study, options=options)
    search.runs = small_disk / search.name
    search.begin()
    search.wait_for_reports(random.Random(repeat).randint(1, 100))
    fill_up(small_disk)
    search.wait_for(lambda: "the search waits up to 15 minutes for" in search.output)
    assert f"the disk that holds {search.runs}/trial-" in search.output
    search.wait_for(lambda: not search.trial_processes())
    for folder in search.runs.glob("trial-*"):
        if (folder / checkpoint.LAST).exists():
            assert checkpoint.verified(folder / checkpoint.LAST) is not None
    before = search.count_reports()

    make_room(small_disk)
    roomy = time.monotonic()
    search.wait_for(lambda: search.count_reports() > before)
    score.worst(AGAIN, time.monotonic() - roomy)
    score.struck()

    assert search.wait_for_end() == 0, search.output
    assert "there is free space on the disk again: the search continues" in search.output
    check_budget(search, TRIALS, EPOCHS)
    check_equal(search, undisturbed, TRIALS)
    assert score.figures[AGAIN] <= 30


def test_a_search_may_begin_on_a_full_disk(tmp_path: Path, small_disk: Path) -> None:
    search = Search(tmp_path / "search", study_of(2, 2), options=("--runs", str(small_disk)))
    search.runs = small_disk / search.name
    (small_disk / "filler").write_bytes(b"0" * (free(small_disk) - 16_384))
    search.begin()
    search.wait_for(lambda: "the search waits up to 15 minutes for" in search.output)

    make_room(small_disk)

    assert search.wait_for_end() == 0, search.output
    check_budget(search, 2, 2)


def free(disk: Path) -> int:
    disk = os.statvfs(disk)
    return disk.f_bavail * disk.f_frsize


@pytest.mark.fault("12. the disk under the database is full", short=1, full=8)
def test_a_full_disk_under_the_database_is_waited_out(
    tmp_path: Path, small_disk: Path, undisturbed: Search, score: Score, repeat: int
) -> None:
    url = f"sqlite:///{small_disk}/study.db"
    search = Search(tmp_path / "search", study_of(TRIALS, EPOCHS), storage=url)
    search.begin()
    search.wait_for_reports(random.Random(repeat).randint(1, 60))
    fill_up(small_disk)
    search.wait_for(lambda: "the database cannot be written" in search.output)

    make_room(small_disk)
    roomy = time.monotonic()
    search.wait_for(lambda: "the database can be written again" in search.output)
    score.worst(AGAIN, time.monotonic() - roomy)
    score.struck()

    assert search.wait_for_end() == 0, search.output
    record = check_budget(search, TRIALS, EPOCHS)
    check_equal(search, undisturbed, TRIALS)
    assert all(len(trial.attempts) == 1 for trial in record.trials), "somebody died"
    assert score.figures[AGAIN] <= 30
