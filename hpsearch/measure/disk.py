"""Disk usage of a study, by purpose."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Usage:
    """Bytes of a study's folder.

    Attributes:
        best: checkpoints of the best epochs.
        resume: checkpoints that trials continue from.
        curves: files for TensorBoard.
        other: reports, outputs and all other files.
    """

    best: int = 0
    resume: int = 0
    curves: int = 0
    other: int = 0

    @property
    def total(self) -> int:
        """All of them together."""
        return self.best + self.resume + self.curves + self.other


def disk_usage(folder: Path) -> Usage:
    """Returns the disk usage of a study's folder; a file with two names counts once.

    Raises:
        PermissionError: this user may not look into it.
    """
    with suppress(FileNotFoundError):
        os.scandir(folder).close()
    sizes = dict.fromkeys(("best", "resume", "curves", "other"), 0)
    seen: set[tuple[int, int]] = set()
    for path in _files(folder):
        try:
            facts = path.stat()
        except OSError:  # it has been removed meanwhile
            continue
        if (facts.st_dev, facts.st_ino) not in seen:
            seen.add((facts.st_dev, facts.st_ino))
            sizes[_kind(path)] += facts.st_size
    return Usage(**sizes)


def _kind(path: Path) -> str:
    if path.suffix == ".ckpt":
        return "best" if path.stem == "best" else "resume"
    return "curves" if path.name.startswith("events.out.tfevents") else "other"


def _files(folder: Path) -> Iterator[Path]:
    """Yields the files of a folder; the targets of links are not counted."""
    # Of the two names of one file, that of the best epoch comes first.
    paths = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    yield from sorted(paths, key=lambda path: path.name != "best.ckpt")
