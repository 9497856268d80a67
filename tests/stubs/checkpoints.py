"""Checkpoints without training, and processes that die while they write one."""

from __future__ import annotations

import os
import random
import signal
import sys
from pathlib import Path
from typing import Any

import torch

from hpsearch.trial.saving import checkpoint

OWNER = {"owner": "faulty, trial 0", "parameters": "0" * 64}


class State:
    """What `checkpoint.save` needs of a Trainer: an epoch, and weights that tell which it is."""

    def __init__(self, epoch: int, size: int = 3000) -> None:
        self.current_epoch = epoch - 1
        self._weights = {"epoch": torch.full((size,), float(epoch))}

    @property
    def _checkpoint_connector(self) -> State:
        return self

    def dump_checkpoint(self, weights_only: bool) -> dict[str, Any]:
        assert not weights_only, "optimizers and callbacks belong to the state"
        return {"state_dict": self._weights}


def save(epoch: int, folder: Path, owner: dict[str, str] = OWNER) -> None:
    """Writes the checkpoint after an epoch, as a trial would."""
    checkpoint.save(State(epoch), folder / checkpoint.LAST, epoch, owner)  # type: ignore[arg-type]


def epoch_in(path: Path) -> int:
    """Returns after which epoch a checkpoint was written, by its weights."""
    weights = torch.load(path, weights_only=True)["state_dict"]["epoch"]
    assert bool((weights == weights[0]).all())
    return int(weights[0])


def die_while_writing(folder: Path, point: int) -> int:
    """Writes epoch 3 over epoch 2 in a process that kills itself at a point; returns its status.

    A point is a call of the operating system: an open, a rename, a link, a removal.
    """
    pid = os.fork()
    if pid:
        return os.waitpid(pid, 0)[1]
    left = point

    def die_at_the_point(event: str, _: object) -> None:
        nonlocal left
        if event == "open" or event.startswith(("os.", "shutil.", "tempfile.")):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(die_at_the_point)
    save(3, folder)
    os._exit(0)


def main(root: Path, seed: int, times: int) -> None:
    """Dies `times` times, each time in a folder of its own, at points drawn by chance."""
    torch.set_num_threads(1)
    points = 1
    first = root / "whole"
    first.mkdir()
    save(1, first)
    save(2, first)
    while die_while_writing(first, points):
        points += 1
    chance = random.Random(seed)
    for number in range(times):
        folder = root / f"kill-{number}"
        folder.mkdir()
        save(1, folder)
        save(2, folder)
        assert os.WTERMSIG(die_while_writing(folder, chance.randrange(1, points))) == signal.SIGKILL


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
