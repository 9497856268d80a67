"""A search that starts while a process keeps torch loaded is forked from it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from test_forkserver_client import train
from test_local import DATA, SLOTS, STUBS

from hpsearch.cli import main
from hpsearch.engines.forkserver_client import Server, environment
from hpsearch.engines.local import LocalEngine
from hpsearch.engines.warm_client import (
    AdoptedProcess,
    address_of,
    adopt,
    end_serving,
    socket_path,
    start_serving,
)
from hpsearch.errors import InputError, SearchError
from hpsearch.protocol.messages import Ended

pytestmark = pytest.mark.process


def test_a_search_starts_from_what_is_loaded_and_what_it_started_ends_with_it(
    warm: None, tmp_path: Path
) -> None:
    for number in range(2):
        log = tmp_path / f"server-{number}.txt"
        with closing(
            LocalEngine(SLOTS, ["printing_module"], {"data": DATA}, [STUBS], log)
        ) as engine:
            assert train(engine, tmp_path, number).of(number, Ended)[0].how == "complete"
            process = engine._server.process
            assert isinstance(process, AdoptedProcess)
            assert process.pid not in {child.pid for child in psutil.Process().children()}
        assert log.read_text() == "printing_module is imported\n"
        assert not psutil.pid_exists(process.pid)


LOOK = """
import json, os, socket, sys
from hpsearch.engines.forkserver_client import Server
server = Server()
print(server.process.pid, flush=True)
sys.stdin.readline()
os._exit(9)
"""


def test_when_a_search_is_killed_nothing_that_was_forked_for_it_is_left(warm: None) -> None:
    search = subprocess.Popen(
        [sys.executable, "-c", LOOK], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert search.stdout is not None
    server = psutil.Process(int(search.stdout.readline()))
    assert search.pid not in {parent.pid for parent in server.parents()}
    search.kill()
    search.communicate()
    server.wait(10)


def test_a_search_sees_its_own_environment_and_folder(
    warm: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_TOKEN", "only here")
    monkeypatch.chdir(tmp_path)
    with Server() as server:
        assert isinstance(server.process, AdoptedProcess)
        assert server.call("os:getenv", "MY_TOKEN") == "only here"
        assert server.call("os:getcwd") == str(tmp_path)


@pytest.mark.parametrize("variable", ["OMP_PROC_BIND", "PYTHONOPTIMIZE", "CUDA_VISIBLE_DEVICES"])
def test_what_is_read_while_loading_must_be_the_same(
    warm: None, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "1")
    assert not socket_path().exists()


def test_a_command_that_has_loaded_torch_itself_finds_it_too(
    warm: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTORCH_NVML_BASED_CUDA_CHECK", "1")  # as Lightning does
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "somewhere")
    assert socket_path().exists()


def test_what_a_process_inherits_must_be_the_same(warm: None) -> None:
    assert socket_path().exists()
    before = os.umask(0o077)
    try:
        assert not socket_path().exists()
    finally:
        os.umask(before)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / ("a long name " * 10)  # longer than the address of a socket may be
    folder.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    return folder / f"hpsearch-{os.getuid()}"


def test_a_folder_that_others_may_enter_is_not_used(place: Path) -> None:
    place.mkdir(mode=0o755)
    with socket.socket(socket.AF_UNIX) as stranger, address_of(socket_path()) as address:
        stranger.bind(address)
        stranger.listen()
        ours, theirs = socket.socketpair()
        with ours, theirs:
            assert adopt(theirs, None, {}) is None
    with pytest.raises(InputError, match=f"^others may write to {place}; remove it, or set"):
        start_serving(60, environment())


def test_a_stale_socket_does_no_harm(place: Path) -> None:
    place.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as gone, address_of(socket_path()) as address:
        gone.bind(address)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert adopt(theirs, None, {}) is None


LOADS_NOTHING = """
import sys
from pathlib import Path
from hpsearch.engines import bridge
from hpsearch.engines.warm_server import serve
bridge.call = lambda *_: None
serve(Path(sys.argv[1]), 0.01)
"""


def test_it_ends_after_a_while_without_a_search(place: Path) -> None:
    place.mkdir(mode=0o700)
    command = [sys.executable, "-c", LOADS_NOTHING, str(socket_path())]
    assert subprocess.run(command, capture_output=True, check=True).stdout == b"ready\n"
    assert not [*place.iterdir()]
    assert end_serving() is False


def test_a_process_that_cannot_load_torch_names_its_log(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = {**environment(), "PYTHONPATH": "/nowhere", "PYTHONHOME": "/nowhere"}
    with pytest.raises(SearchError, match=r"exited with 1; see .*\.log$"):
        start_serving(60, broken)


def test_the_command_says_what_it_did(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--stop"]) == 0
    assert main(["serve", "--idle", "10m"]) == 0
    assert main(["serve", "--stop"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "nothing to end: no process of this environment",
        "torch is loaded: searches from this environment start at once. This ends 10m 00s after the"
        " last one began, or with hpsearch serve --stop",
        "ended; its searches continue",
    ]
    assert main(["serve", "--idle", "soon"]) == 2
