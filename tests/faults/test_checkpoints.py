"""A checkpoint is cut short by a kill, or damaged afterwards: an intact one remains."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import checkpoints
import pytest
from checkpoints import OWNER, epoch_in, save
from fault_score import Score

from hpsearch.trial.saving import checkpoint

KILLS = 20
CORRUPTIONS = 20


@pytest.mark.process
@pytest.mark.fault("2. a kill while a checkpoint is written", short=1, full=5)
def test_a_kill_at_any_point_of_writing_leaves_a_checkpoint(
    tmp_path: Path, score: Score, repeat: int
) -> None:
    subprocess.run(
        [sys.executable, checkpoints.__file__, str(tmp_path), str(repeat), str(KILLS)], check=True
    )

    for folder in tmp_path.glob("kill-*"):
        epoch, _ = checkpoint.recover(folder, OWNER)
        assert epoch in (2, 3)
        assert epoch_in(folder / checkpoint.LAST) == epoch
        score.struck()
    assert score.strikes == KILLS


class Evil:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return os.mkdir, (str(self._folder),)


def cut(path: Path, chance: random.Random) -> None:
    os.truncate(path, chance.randrange(1, path.stat().st_size))


def flip(path: Path, chance: random.Random) -> None:
    content = bytearray(path.read_bytes())
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


def empty(path: Path, chance: random.Random) -> None:
    path.write_bytes(b"")


def swap_with_another_trial(path: Path, chance: random.Random) -> None:
    other = path.parent / "other"
    other.mkdir()
    save(9, other, {**OWNER, "owner": "faulty, trial 1"})
    both = chance.random() < 0.5
    for name in (path.name, path.with_suffix(".json").name) if both else (path.name,):
        shutil.copyfile(other / name, path.with_name(name))


def swap_with_other_parameters(path: Path, chance: random.Random) -> None:
    other = path.parent / "other"
    other.mkdir()
    save(9, other, {**OWNER, "parameters": "1" * 64})
    for name in (path.name, path.with_suffix(".json").name):
        shutil.copyfile(other / name, path.with_name(name))


def plant(path: Path, chance: random.Random) -> None:
    path.write_bytes(pickle.dumps(Evil(path.parent / "run")))


def plant_with_a_sidecar(path: Path, chance: random.Random) -> None:
    plant(path, chance)
    facts = {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "epoch": 9, **OWNER}
    path.with_suffix(".json").write_text(json.dumps(facts))


KINDS = (
    *(cut, flip, empty, swap_with_another_trial, swap_with_other_parameters),
    *(plant, plant_with_a_sidecar),
)


@pytest.mark.fault("13. a checkpoint is cut, changed, empty, another's, evil", short=1, full=5)
def test_a_damaged_checkpoint_is_found_and_the_one_before_is_taken(
    tmp_path: Path, score: Score, repeat: int
) -> None:
    chance = random.Random(repeat)
    for number in range(CORRUPTIONS):
        folder = tmp_path / str(number)
        folder.mkdir()
        save(1, folder)
        save(2, folder)
        KINDS[number % len(KINDS)](folder / checkpoint.LAST, chance)

        epoch, notes = checkpoint.recover(folder, OWNER)

        assert epoch == 1, KINDS[number % len(KINDS)].__name__
        assert epoch_in(folder / checkpoint.LAST) == 1
        assert notes in (
            ["last.ckpt is damaged or belongs to another trial: its SHA-256 or owner differs"],
            ["last.ckpt holds more than plain data, and only plain data is loaded"],
        )
        assert not (folder / "run").exists(), "its code was run"
        score.struck()
