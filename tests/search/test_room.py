from __future__ import annotations

from pathlib import Path

import pytest
from scripted import Watcher

from hpsearch.search import room as room_module
from hpsearch.search.room import LEAST_BYTES, Room, has_room


def test_room_is_what_can_really_be_written(tmp_path: Path) -> None:
    assert has_room(tmp_path, LEAST_BYTES)
    assert not has_room(tmp_path, 2**62)
    assert not has_room(tmp_path / "nowhere", 0)
    assert list(tmp_path.iterdir()) == []


def test_a_search_waits_until_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room_module, "LOOK_S", 0.0)
    watcher = Watcher()
    room = Room(tmp_path / "full", watcher)

    room.lost("the disk is full", 3_000_000)
    room.lost("the disk is full", 5_000_000)
    room.step()
    assert room.trouble == "the disk is full"
    (tmp_path / "full").mkdir()
    room.step()

    assert room.trouble == ""
    assert not room.given_up
    assert watcher.notes == [
        "the disk is full: the search waits for 3 MB of room, for 15 minutes at most",
        "there is room on the disk again: the search goes on",
    ]


def test_a_search_does_not_wait_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room_module, "PATIENCE_S", -1.0)
    room = Room(tmp_path / "full", Watcher())
    assert not room.given_up

    room.lost("the disk is full", 0)

    assert room.given_up
