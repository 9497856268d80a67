"""A file that somebody asked for is whole, or what was there before."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hpsearch.protocol.whole_file import written_whole


def write(path: Path, *, fails: bool = False) -> None:
    with written_whole(path) as beside:
        beside.write_text("new")
        if fails:
            raise OSError("the disk is full")


def test_a_file_is_replaced_once_the_new_one_is_complete(tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text("old")
    with pytest.raises(OSError, match="full"):
        write(file, fails=True)
    assert file.read_text() == "old"
    write(file)
    assert file.read_text() == "new"
    assert list(tmp_path.iterdir()) == [file]


def test_half_a_file_is_not_left(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="full"):
        write(tmp_path / "best.yaml", fails=True)
    assert list(tmp_path.iterdir()) == []


def test_a_link_stays_a_link_and_a_pipe_a_pipe(tmp_path: Path) -> None:
    link, pipe = tmp_path / "link.html", tmp_path / "pipe"
    link.symlink_to(tmp_path / "there.html")
    write(link)
    assert link.is_symlink()
    assert (tmp_path / "there.html").read_text() == "new"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write(pipe)
    assert os.read(reader, 9) == b"new"
    os.close(reader)
    assert pipe.is_fifo()
