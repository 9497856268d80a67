"""Checks the files of a study's trials: damaged checkpoints, and files that nobody needs.

A checkpoint is checked by its bytes, without loading it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from hpsearch.protocol.events import read_record
from hpsearch.protocol.job import Identity, is_owned
from hpsearch.protocol.layout import CHECKPOINTS, TrialFiles, trial_folder
from hpsearch.search.fsck.problem import Problem, Repair

ORPHANS = "orphans"
ASIDE = ".damaged"
# Temporary names under which a trial writes a file before it renames it.
_BESIDE = (
    *(f"{name}{suffix}" for name in CHECKPOINTS for suffix in (".tmp", ".json.tmp", ".keep")),
    "confusion.json.tmp",
)


def list_numbers(folder: Path) -> list[int]:
    """Returns the numbers of the trials with a folder in the study's folder, in order."""
    found = (re.fullmatch(r"trial-(\d+)", path.name) for path in folder.glob("trial-*"))
    numbers = sorted(int(match[1]) for match in found if match)
    # hpsearch does not write other spellings of a number.
    return [number for number in numbers if (folder / trial_folder(number)).is_dir()]


def check_orphans(folder: Path, numbers: Iterable[int], known: Iterable[int]) -> list[Problem]:
    """Returns the trial folders whose numbers were never in the database.

    Args:
        folder: the study's own.
        numbers: of the trials with a folder there.
        known: of the trials that are, or were, in the database.
    """
    return [
        Problem(
            "orphan",
            trial_folder(number),
            f"the database has no trial {number}",
            Repair(
                f"move it into {ORPHANS}/",
                moves=((folder / trial_folder(number), folder / ORPHANS / trial_folder(number)),),
            ),
        )
        for number in sorted(set(numbers) - set(known))
    ]


def find_orphan(place: Path, identity: Identity) -> Path | None:
    """Returns the folder in `orphans/` whose record proves that it is a trial's own.

    Args:
        place: the trial's folder, which is gone.
        identity: the trial's.
    """
    for folder in sorted(place.parent.glob(f"{ORPHANS}/trial-*")):
        record = read_record(folder / "events.jsonl", identity)
        if record.proved and not (record.foreign or record.missing):
            return folder
    return None


def check_files(folder: Path, owner: Mapping[str, str | int]) -> list[Problem]:
    """Returns what is wrong with the files of one trial that no living process runs.

    Args:
        folder: the trial's own.
        owner: whose checkpoints these must be; see `Job.owner`.
    """
    return [*_check_others(folder), *_check_checkpoints(folder, owner), *_check_leftovers(folder)]


def _check_others(folder: Path) -> list[Problem]:
    return [
        Problem(
            "file",
            str(path.relative_to(folder.parent)),
            f"it is {words}",
            Repair(
                f"rename it {path.name}{ASIDE}", moves=((path, path.with_name(path.name + ASIDE)),)
            ),
        )
        for path, words in TrialFiles(folder).not_files()
    ]


def _check_checkpoints(folder: Path, owner: Mapping[str, str | int]) -> list[Problem]:
    found = []
    for name in CHECKPOINTS:
        path = folder / f"{name}.ckpt"
        try:
            text = _problem_of(path, owner)
        except FileNotFoundError:
            continue  # A run has just removed it, as it may.
        there = [each for each in (path, path.with_suffix(".json")) if each.is_file()]
        if text and there:
            moves = tuple((each, each.with_name(each.name + ASIDE)) for each in there)
            repair = Repair(f"set it aside as {there[0].name}{ASIDE}", moves=moves)
            found.append(Problem("checkpoint", f"{folder.name}/{path.name}", text, repair))
    return found


def _problem_of(path: Path, owner: Mapping[str, str | int]) -> str:
    """Returns what is wrong with a checkpoint; empty if it is intact or does not exist."""
    sidecar = path.with_suffix(".json")
    if not path.is_file():
        return f"{sidecar.name} exists without it" if sidecar.is_file() else ""
    if not sidecar.is_file():
        return f"{sidecar.name} is missing, so nothing says whether it is whole"
    try:
        facts, size = json.loads(sidecar.read_text(encoding="utf-8")), path.stat().st_size
        digest, epoch, wanted = facts["sha256"], int(facts["epoch"]), int(facts.get("size", size))
    except (ValueError, KeyError, TypeError, OverflowError):
        return f"{sidecar.name} cannot be read"
    if not is_owned(facts, owner):
        return f"it belongs to another trial or another study ({facts.get('owner', 'unnamed')})"
    if size != wanted:
        return f"it has {size:,} of {wanted:,} bytes"
    with path.open("rb") as file:
        whole = hashlib.file_digest(file, "sha256").hexdigest() == digest
    return "" if whole else f"its bytes are not those written after epoch {epoch}"


def _check_leftovers(folder: Path) -> list[Problem]:
    paths = [folder / name for name in _BESIDE]
    return [
        Problem(
            "leftover",
            f"{folder.name}/{path.name}",
            f"left by a process that was killed while it wrote ({path.stat().st_size:,} bytes)",
            Repair("remove it", moves=((path, None),)),
        )
        for path in paths
        if path.is_file()
    ]
