from __future__ import annotations

from pathlib import Path

import pytest
from scripted import Watcher

from hpsearch.search.coordinator import disk as room_module
from hpsearch.search.coordinator.disk import MIN_BYTES, DiskSpaceMonitor, has_space


def test_free_space_is_what_can_really_be_written(tmp_path: Path) -> None:
    assert has_space(tmp_path, MIN_BYTES)
    assert not has_space(tmp_path, 2**62)
    assert not has_space(tmp_path / "nowhere", 0)
    assert list(tmp_path.iterdir()) == []


def test_a_search_waits_until_there_is_free_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room_module, "LOOK_S", 0.0)
    watcher = Watcher()
    disk = DiskSpaceMonitor(tmp_path / "full", watcher)

    disk.report_full("the disk is full", 3_000_000)
    disk.report_full("the disk is full", 5_000_000)
    disk.step()
    assert disk.trouble == "the disk is full"
    (tmp_path / "full").mkdir()
    disk.step()

    assert disk.trouble == ""
    assert not disk.timed_out
    assert watcher.notes == [
        "the disk is full: the search waits up to 15 minutes for 3 MB of free space",
        "there is free space on the disk again: the search continues",
    ]


def test_a_search_does_not_wait_forever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room_module, "PATIENCE_S", -1.0)
    disk = DiskSpaceMonitor(tmp_path / "full", Watcher())
    assert not disk.timed_out

    disk.report_full("the disk is full", 0)

    assert disk.timed_out
