"""The server of the trials starts before the study is known, and does no harm if not needed."""

from __future__ import annotations

import signal
from pathlib import Path

import psutil
import pytest
from test_local import DATA, SLOTS, STUBS, Desk, job

from hpsearch.engines.engine import Exited
from hpsearch.engines.forkserver_client import Server
from hpsearch.engines.local import LocalEngine
from hpsearch.protocol.messages import Ended

pytestmark = pytest.mark.process


def train(engine: LocalEngine, folder: Path, number: int) -> Desk:
    desk = Desk()
    engine.start(job(folder, number, SLOTS[0]), SLOTS[0])
    desk.wait(engine, 1, Exited)
    return desk


def test_the_engine_uses_a_server_that_was_started_in_advance(tmp_path: Path) -> None:
    server = Server()
    engine = LocalEngine(
        SLOTS, ["printing_module"], {"data": DATA}, [STUBS], tmp_path / "server.txt", server
    )
    assert train(engine, tmp_path, 0).of(0, Ended)[0].how == "complete"
    assert psutil.Process(server.process.pid).is_running()
    assert (tmp_path / "server.txt").read_text() == "printing_module is imported\n"

    engine.close()
    assert server.process.returncode == 0
    server.end()


def test_an_unused_server_ends_at_once() -> None:
    with Server() as server:
        assert server.process.poll() is None

    assert server.process.returncode == -signal.SIGKILL


def test_a_server_that_died_before_it_was_needed_is_replaced(tmp_path: Path) -> None:
    server = Server()
    server.process.kill()
    server.process.wait()
    engine = LocalEngine(SLOTS, ["tiny"], {"data": DATA}, [STUBS], tmp_path / "server.txt", server)
    engine.poll(Desk(), 1.0)

    assert train(engine, tmp_path, 0).of(0, Ended)[0].how == "complete"
    engine.close()
