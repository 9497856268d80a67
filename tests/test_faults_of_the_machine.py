"""What the machine lacks is told in one sentence, and costs no finished work."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hpsearch.search.results import load_record
from hpsearch.search.storage import open_storage

pytestmark = pytest.mark.process

STUBS = Path(__file__).parent / "stubs"
STUDY = """
study:
  name: faulty
  objective: {val_loss: minimize}
  pruner: none
  trials: 4
model:
  class_path: tiny.TinyModel
  init_args: {width: "~int(2, 2000)"}
data: {class_path: tiny.TinyData}
trainer: {max_epochs: 3}
"""


def hpsearch(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hpsearch", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(STUBS), "HPSEARCH_DATA": str(folder / "nowhere")},
    )


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


def fill(disk: Path, leave: int) -> None:
    room = os.statvfs(disk)
    (disk / "filler").write_bytes(b"0" * (room.f_bavail * room.f_frsize - leave))


def fill_up(disk: Path) -> None:
    """Takes all the room there is, whoever else is writing."""
    with contextlib.suppress(OSError), (disk / "filler").open("wb", buffering=0) as filler:
        while True:
            filler.write(b"0" * 4096)


def test_a_full_disk_under_the_runs_stops_the_search_and_spends_no_trial(
    tmp_path: Path, small_disk: Path
) -> None:
    (tmp_path / "study.yaml").write_text(STUDY)
    fill(small_disk, leave=8_192)

    run = hpsearch(tmp_path, "run", "study.yaml", "--runs", str(small_disk), "--devices", "cpu:1")

    assert run.returncode == 1, run.stderr
    assert run.stderr.startswith("error: the disk that holds ")
    assert run.stderr.rstrip().endswith("is full; make room, and the trial goes on")
    assert len(run.stderr.splitlines()) == 1

    (small_disk / "filler").unlink()
    assert hpsearch(tmp_path, "resume", "faulty", "--devices", "cpu:1").returncode == 0
    storage = open_storage(f"sqlite:///{tmp_path}/hpsearch.db")
    record = load_record(storage, "faulty")
    assert record.counts["complete"] == 4, [trial.attributes for trial in record.trials]


def test_a_full_disk_under_the_database_is_waited_out(tmp_path: Path, small_disk: Path) -> None:
    (tmp_path / "study.yaml").write_text(STUDY.replace("max_epochs: 3", "max_epochs: 40"))
    url = f"sqlite:///{small_disk}/study.db"
    output = tmp_path / "output.txt"

    with output.open("wb") as file:
        run = subprocess.Popen(
            [
                *(sys.executable, "-m", "hpsearch", "run", "study.yaml"),
                *("--storage", url, "--devices", "cpu:1"),
            ],
            cwd=tmp_path,
            stdout=file,
            stderr=file,
            env={**os.environ, "PYTHONPATH": str(STUBS)},
        )
    wait_until(lambda: any(tmp_path.glob("runs/*/*/events.jsonl")), run, output)
    fill_up(small_disk)
    wait_until(lambda: "the database cannot be written" in output.read_text(), run, output)
    (small_disk / "filler").unlink()

    assert run.wait(60) == 0, output.read_text()
    assert "the database can be written again: nothing was lost" in output.read_text()
    record = load_record(open_storage(url), "faulty")
    assert record.counts["complete"] == 4
    assert all(list(t.values_by_epoch) == list(range(1, 41)) for t in record.trials)


def wait_until(seen: Callable[[], bool], run: subprocess.Popen[bytes], output: Path) -> None:
    deadline = time.monotonic() + 60
    while not seen():
        assert run.poll() is None, output.read_text()
        assert time.monotonic() < deadline, output.read_text()
        time.sleep(0.01)


@pytest.fixture
def little_memory() -> Iterator[Path]:
    """A control group in which processes get 2.5 GB together."""
    group = Path("/sys/fs/cgroup/memory") / f"hpsearch-{os.getpid()}"
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text(str(2_500_000_000))
    except OSError:
        pytest.skip("needs root and the memory controller of cgroup v1")
    yield group
    group.rmdir()


def test_a_trial_that_the_kernel_kills_for_memory_is_one_the_sampler_learns_from(
    tmp_path: Path, little_memory: Path
) -> None:
    plan = '{width: "~int(2, 2000)", plan: "~choice(hog, \'\')"}'
    (tmp_path / "study.yaml").write_text(
        STUDY.replace('{width: "~int(2, 2000)"}', plan).replace(
            "  trials: 4", "  sampler: random\n  trials: 6"
        )
    )
    command = 'echo $$ > "$0/cgroup.procs"; exec "$@"'
    words = [sys.executable, "-m", "hpsearch", "run", "study.yaml", "--devices", "cpu:1"]

    run = subprocess.run(
        ["bash", "-c", command, str(little_memory), *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(STUBS)},
    )

    assert run.returncode == 0, run.stderr
    record = load_record(open_storage(f"sqlite:///{tmp_path}/hpsearch.db"), "faulty")
    hogs = {trial.number for trial in record.trials if trial.params["model.plan"] == "hog"}
    killed = {
        trial.number
        for trial in record.trials
        if trial.attributes.get("failure_kind") == "out of memory"
    }
    assert hogs == killed != set()
    assert record.counts["complete"] == 6 - len(hogs)


def test_missing_data_stop_the_search_before_any_trial_is_spent(tmp_path: Path) -> None:
    data = "data: {class_path: hpsearch.data.ImageData, init_args: {source: FashionMNIST}}"
    model = "model: {class_path: hpsearch.models.Softmax, init_args: {label_smoothing: 0.1}}"
    (tmp_path / "study.yaml").write_text(
        STUDY.replace("data: {class_path: tiny.TinyData}", data).replace(
            STUDY[STUDY.index("model:") : STUDY.index("data:")], model + "\n"
        )
    )

    run = hpsearch(tmp_path, "run", "study.yaml", "--devices", "cpu:1")

    assert run.returncode == 1, run.stderr
    assert "train-images-idx3-ubyte" in run.stderr
    assert str(tmp_path / "nowhere") in run.stderr
    assert "Traceback" not in run.stderr
    storage = open_storage(f"sqlite:///{tmp_path}/hpsearch.db")
    assert load_record(storage, "faulty").counts["failed"] == 0
