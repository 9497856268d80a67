"""A checkpoint is written where it stays, read back before it counts, and leaves nothing behind."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

import pytest
from checkpoints import OWNER, epoch_in, save

from hpsearch.trial.saving import checkpoint


def test_the_folder_for_temporary_files_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    save(1, tmp_path)
    assert checkpoint.verified(tmp_path / checkpoint.LAST, OWNER) == 1


def test_what_is_kept_already_is_kept_again_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    """A trial that was paused keeps its last checkpoint as the best one when it continues."""
    last, best = tmp_path / checkpoint.LAST, tmp_path / checkpoint.BEST
    for path in (last, last.with_suffix(".json")):
        path.write_text("1")
    for _ in range(2):
        checkpoint.keep(last, best)
    assert best.read_text() == best.with_suffix(".json").read_text() == "1"
    assert not list(tmp_path.glob("*.keep"))


def test_what_the_disk_does_not_give_back_takes_the_place_of_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(1, tmp_path)

    def lose(handle: int) -> None:
        os.truncate(handle, 100)

    monkeypatch.setattr(os, "fsync", lose)
    with pytest.raises(OSError, match=r"last\.tmp does not hold what was written to it") as fault:
        save(2, tmp_path)
    assert fault.value.errno == errno.EIO

    assert not (tmp_path / "last.tmp").exists()
    assert checkpoint.verified(tmp_path / checkpoint.LAST, OWNER) == 1
    assert epoch_in(tmp_path / checkpoint.LAST) == 1
