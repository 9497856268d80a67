"""What is wrong with a study, and what would fix it: as plain data, for `hpsearch fsck`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from hpsearch.search.store import Mutation

ProblemKind = Literal[
    "database",
    "direction",
    "study file",
    "versions",
    "numbers",
    "owner",
    "parameters",
    "state",
    "attribute",
    "value",
    "reports",
    "record",
    "checkpoint",
    "leftover",
    "orphan",
    "unfinished",
    "lease",
    "folder",
    "file",
]


@dataclass(frozen=True)
class Repair:
    """What would fix a problem.

    Attributes:
        words: what it does, as in `remove it`.
        changes: of the database.
        moves: a file or folder each, and where to; None where it is removed.
    """

    words: str
    changes: tuple[Mutation, ...] = ()
    moves: tuple[tuple[Path, Path | None], ...] = ()


@dataclass(frozen=True)
class Problem:
    """One thing that is not as it should be.

    Attributes:
        kind: what it concerns.
        where: the trial, or the file in the study's folder.
        text: what is wrong.
        repair: what would fix it; None where nothing does so safely.
        info_only: nothing is lost and nothing needs to be done.
    """

    kind: ProblemKind
    where: str
    text: str
    repair: Repair | None = field(default=None, compare=False)
    info_only: bool = False
