"""What of a study file may change between one run and the next: all but what is searched."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

import yaml

from hpsearch.errors import InputError
from hpsearch.studyfile.study import StudySpec

# These say how far and where a study goes, or how it chooses; what is searched stays the same.
MUTABLE_KEYS = (
    *("trials", "epochs", "timeout", "storage", "description", "sampler", "pruner"),
    *("scheduler", "enqueue"),
    *("hang_timeout", "trial_timeout", "keep_checkpoints", "disk_budget"),
)


def check_compatible(stored: StudySpec, given: StudySpec) -> None:
    """Raises InputError with a diff if the two search different things under one name."""
    before, after = _fixed(stored.document), _fixed(given.document)
    if before == after:
        return
    diff = difflib.unified_diff(
        yaml.safe_dump(before, sort_keys=False).splitlines(),
        yaml.safe_dump(after, sort_keys=False).splitlines(),
        "in the database",
        "in the file",
        lineterm="",
        n=1,
    )
    raise InputError(
        f"the study {given.name} is in the database already, and searches something else:\n"
        + "\n".join(diff)
        + f"\nGive the changed study another name (--set study.name={given.name}-2), or go on with"
        f" the old one: hpsearch resume {given.name}"
    )


def _fixed(document: Mapping[str, Any]) -> dict[str, Any]:
    study = {key: value for key, value in document["study"].items() if key not in MUTABLE_KEYS}
    return {**document, "study": study}
