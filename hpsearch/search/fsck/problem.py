"""What is wrong with a study, and what would fix it, as plain data for `hpsearch fsck`."""

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
    """The fix of a problem.

    Attributes:
        words: what it does, such as `remove it`.
        changes: to the database.
        moves: files and folders, each with its target; None to remove it.
    """

    words: str
    changes: tuple[Mutation, ...] = ()
    moves: tuple[tuple[Path, Path | None], ...] = ()


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        kind: what it concerns.
        where: the trial, or the file in the study's folder.
        text: what is wrong.
        repair: what would fix it; None if nothing does so safely.
        info_only: nothing is lost and nothing needs to be done.
    """

    kind: ProblemKind
    where: str
    text: str
    repair: Repair | None = field(default=None, compare=False)
    info_only: bool = False
