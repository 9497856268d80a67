"""A call in its own process returns its result, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

from hpsearch.engines.subprocess_call import subprocesses
from hpsearch.errors import SearchError
from hpsearch.protocol.job import Job

pytestmark = pytest.mark.process

STUBS = Path(__file__).parents[1] / "stubs"


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    monkeypatch.setenv("PYTHONPATH", str(STUBS), prepend=os.pathsep)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    folder = str(tmp_path / "job")
    return Job("tiny", 7, {}, {}, {"score": "maximize"}, 1, 2, folder, device="cuda:1")


def test_the_result_comes_back_and_what_is_printed_stays_in_the_folder(job: Job) -> None:
    with subprocesses(["tiny"], {}, [str(STUBS)]) as call:
        found = call("subprocess_functions:look_around", job, "hello")
    process = found.pop("process")
    assert process != os.getpid()
    assert found.pop("has the study's module"), "loaded once, for every call"
    assert found == {"number": 7, "word": "hello", "sees": "1"}
    assert (Path(job.folder) / "output.txt").read_text() == "what libraries print\n"


def test_each_call_has_its_own_process_and_one_that_fails_costs_the_others_nothing(
    job: Job,
) -> None:
    with subprocesses() as call:
        first = call("subprocess_functions:look_around", job, "one")
        with pytest.raises(
            SearchError,
            match=r"ran subprocess_functions:give_up exited with 1; see its output in .*output.txt",
        ):
            call("subprocess_functions:give_up", job)
        second = call("subprocess_functions:look_around", job, "two")
    assert "ValueError: no way" in (Path(job.folder) / "output.txt").read_text()
    assert (first["word"], second["word"]) == ("one", "two")
    assert first["process"] != second["process"]


def test_torch_is_loaded_before_the_first_call() -> None:
    here = psutil.Process()
    others = {*here.children()}
    with subprocesses():
        [server] = {*here.children()} - others
        assert "hpsearch.engines.forkserver" in server.cmdline()
    assert server not in here.children()
