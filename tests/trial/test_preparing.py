"""On one machine, `prepare_data` of the same data runs in one process at a time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import preparing_data
import pytest
import pytorch_lightning as pl
from desk import job
from filelock import FileLock, Timeout

from hpsearch.trial.preparing import lock_file, prepare_in_turn
from hpsearch.trial.training import build_data, build_module

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts a process that prepares the rows."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with ExitStack() as started:

        def start(*arguments: str) -> subprocess.Popen[str]:
            command = [sys.executable, preparing_data.__file__, *arguments]
            pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
            process = subprocess.Popen(command, cwd=tmp_path, env={**os.environ}, **pipes)
            started.enter_context(process)
            started.callback(process.kill)
            return process

        yield start


def say(process: subprocess.Popen[str]) -> str:
    """Returns the next line that a process prints."""
    assert process.stdout
    return process.stdout.readline().strip()


def test_of_processes_that_start_at_once_one_prepares_and_the_others_find_it_done(
    start: Start,
) -> None:
    first = start()
    assert [say(first), say(first)] == ["found nothing", "writes"]
    others = [start(), start()]
    waits = "waits while another process is in prepare_data"
    assert [say(other) for other in others] == [waits, waits]
    first.communicate("\n")
    ends = [other.communicate()[0] for other in others]
    assert ends == ["found begin end\ndone\n"] * 2


def test_a_process_that_is_killed_gives_its_turn_to_the_next(start: Start) -> None:
    first = start()
    assert [say(first), say(first)] == ["found nothing", "writes"]
    second = start()
    assert say(second).startswith("waits")
    first.kill()
    assert second.communicate("\n")[0] == "found begin\nwrites\ndone\n"


def test_data_inside_other_data_of_their_class_do_not_wait_for_themselves(start: Start) -> None:
    assert start("inside").communicate("\n")[0] == "found nothing\nwrites\ndone\n"


@pytest.mark.usefixtures("rows_there")
def test_where_no_file_can_be_locked_data_are_prepared_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "hpsearch").write_text("a file, where a folder is wanted")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    rows = preparing_data.Rows()
    prepare_in_turn(rows)
    rows.prepare_data()
    assert capsys.readouterr().out == "found begin end\n"


class Folder:
    """Makes a folder, whether it is there or not."""

    def prepare_data(self) -> None:
        """Makes the folder."""
        Path("rows").mkdir()


@pytest.mark.usefixtures("rows_there")
def test_data_that_can_be_prepared_only_once_are_told_that_every_trial_prepares_them() -> None:
    folder = Folder()
    prepare_in_turn(folder)
    folder.prepare_data()
    with pytest.raises(FileExistsError, match="prepare_data runs in every trial, so let it write"):
        folder.prepare_data()


@pytest.fixture
def rows_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "rows.txt").write_text("begin end")
    monkeypatch.chdir(tmp_path)


class Data(pl.LightningDataModule):
    """Says whether it is alone while it prepares."""

    def prepare_data(self) -> None:
        """Tries to get a turn in the middle of its own."""
        with pytest.raises(Timeout):
            FileLock(lock_file(self)).acquire(blocking=False)
        print("alone", type(self).__name__)


class Model(pl.LightningModule):
    """The same of a module."""

    prepare_data = Data.prepare_data


def test_a_trial_prepares_its_data_and_its_module_in_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    paths = {name: {"class_path": f"{__name__}.{name.title()}"} for name in ("data", "model")}
    trial = job(tmp_path)
    trial = replace(trial, config={**trial.config, **paths, "optimizer": None})
    data = build_data(trial)
    data.prepare_data()
    build_module(trial, data).prepare_data()
    assert capsys.readouterr().out == "alone Data\nalone Model\n"


def test_a_machine_without_a_runtime_folder_prints_no_warning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    assert lock_file(preparing_data.Rows()).name.startswith("prepare-data-")
