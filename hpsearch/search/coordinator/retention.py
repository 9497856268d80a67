"""Which checkpoints of a study stay on disk."""

from __future__ import annotations

import os
from bisect import insort
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

from hpsearch.protocol.layout import CHECKPOINTS, TO_RESUME, TrialFiles, trial_folder
from hpsearch.protocol.types import Direction, primary, sign_of
from hpsearch.search.store import TrialRecord


class Place(NamedTuple):
    """The rank of a complete trial: smaller is better; of equals, the earlier one is better."""

    value: float
    number: int


class Retention:
    """Removes checkpoints that finished trials no longer need, and those of beaten trials.

    A trial that can be resumed keeps all its checkpoints, a paused one its last and its best. A
    finished one keeps at most its best, and only while it is among the best trials; with several
    objectives none is beaten in all of them for certain, so every complete trial keeps its best.

    It receives every trial once and revisits only those it removes, so the cost of a trial's end
    does not grow with the study.

    Args:
        folder: the study's folder of trials.
        objectives: metric names and directions; the first one ranks the trials.
        keep: how many of the best complete trials keep their best checkpoint.
        disk_budget: bytes that these may take together; None for no limit. The best one stays.
    """

    def __init__(
        self,
        folder: Path,
        objectives: Mapping[str, Direction],
        keep: int,
        disk_budget: int | None,
    ) -> None:
        self._folder = folder
        self._sign = -sign_of(primary(objectives)[1])
        self._several = len(objectives) > 1
        self._keep = keep
        self._disk_budget = disk_budget
        self._best: list[Place] = []  # at most `keep`
        self._held: list[tuple[Place, int]] = []  # those with a checkpoint, and its bytes
        self._bytes = 0
        self._paused: dict[int, int] = {}  # bytes by number

    @property
    def over_budget(self) -> bool:
        """Whether the paused trials need more of the disk budget than the others leave."""
        taken = self._bytes + sum(self._paused.values())
        return self._disk_budget is not None and bool(self._paused) and taken > self._disk_budget

    def take(self, trial: TrialRecord) -> None:
        """Takes a trial in, and removes checkpoints that are no longer kept.

        Args:
            trial: a new one, or one that was not finished before.
        """
        self._paused.pop(trial.number, None)
        if trial.state == "paused":
            self._remove(trial.number, "previous")
            self._paused[trial.number] = self._size(trial.number, "last", "best")
        if not trial.is_finished:
            return
        if trial.state != "complete" or not trial.values:
            self._remove(trial.number, *CHECKPOINTS)
            return
        self._remove(trial.number, *TO_RESUME)
        place = Place(self._sign * trial.values[0], trial.number)
        insort(self._best, place)
        del self._best[self._keep :]
        size = self._size(trial.number, "best")
        insort(self._held, (place, size))
        self._bytes += size
        while self._held and self._is_beaten(self._held[-1][0]):
            self._give_up_worst()
        while len(self._held) > 1 and self._is_over_budget():
            self._give_up_worst()

    def _is_beaten(self, place: Place) -> bool:
        return not self._several and (not self._best or place > self._best[-1])

    def _is_over_budget(self) -> bool:
        return self._disk_budget is not None and self._bytes > self._disk_budget

    def _give_up_worst(self) -> None:
        place, size = self._held.pop()
        self._bytes -= size
        self._remove(place.number, "best")

    def _size(self, number: int, *names: str) -> int:
        """Returns the bytes of some checkpoints of a trial; one under two names counts once."""
        if self._disk_budget is None:
            return 0
        paths = [self._checkpoint(number, name) for name in names]
        files = [path.stat() for path in paths if path.exists()]
        return sum({file.st_ino: file.st_size for file in files}.values())

    def _checkpoint(self, number: int, name: str) -> Path:
        return TrialFiles(self._folder / trial_folder(number)).checkpoint(name)

    def _remove(self, number: int, *names: str) -> None:
        folder = self._folder / trial_folder(number)
        try:
            there = os.listdir(folder)  # noqa: PTH208
        except (FileNotFoundError, NotADirectoryError):
            return
        # Of ten thousand trials that are long over, none has any of these.
        for file in _files_of(names).intersection(there):
            (folder / file).unlink(missing_ok=True)


@cache
def _files_of(names: tuple[str, ...]) -> frozenset[str]:
    """Returns the names of the files of some checkpoints."""
    files = TrialFiles(Path())
    return frozenset(each(name).name for name in names for each in (files.checkpoint, files.digest))
