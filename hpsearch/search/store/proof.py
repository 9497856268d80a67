"""Whose files a trial's folder holds: the trial's own, or those of another one.

A database that was restored, copied or has lost its newest rows gives a number to a new trial whose
folder is there already. What that folder says is then true of other parameters.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Literal

import yaml
from optuna.trial import FrozenTrial

from hpsearch.protocol.events import Record, read_record
from hpsearch.protocol.job import Identity, identity_of
from hpsearch.protocol.messages import Report
from hpsearch.protocol.types import Scalar
from hpsearch.search.store.keys import SEED

EVENTS = "events.jsonl"
ORPHANS = "orphans"
_SIDECARS = ("last.json", "previous.json", "best.json")

Whose = Literal["nobody", "own", "another study", "another trial", "other parameters", "unknown"]


@dataclass(frozen=True)
class Evidence:
    """What a trial's folder says of its owner.

    Attributes:
        whose: `nobody` where nothing was written yet; `unknown` where reports are there and
            nothing says whose.
        record: the trial's reports and end; empty unless they are its own.
    """

    whose: Whose
    record: Record

    @property
    def foreign(self) -> bool:
        """Whether it holds what is not, or cannot be shown to be, the trial's own."""
        return self.whose not in ("nobody", "own")


def examine_folder(folder: Path, identity: Identity, params: Mapping[str, Scalar]) -> Evidence:
    """Returns whose files a trial's folder holds, and the record if it is the trial's own.

    Args:
        folder: the trial's, which need not exist.
        identity: of the trial, as the database has it.
        params: its parameters there.
    """
    record = read_record(folder / EVENTS, identity)
    if record.owners or record.proved:
        whose = "own" if record.proved else _name_owner(record.owners[-1], identity)
    elif record.foreign:
        whose = "unknown"
    else:
        whose = _whose_earlier(folder, record, identity, params)
    return Evidence(whose, record if whose == "own" else Record())


def own_reports(
    folder: Path, study_id: str, number: int, params: Mapping[str, Scalar]
) -> list[Report]:
    """Returns what a trial reported itself; nothing where its folder holds another's files.

    Args:
        folder: the trial's.
        study_id: identifies its study among others of the name.
        number: the trial's.
        params: its parameters, as the database has them.
    """
    wanted = identity_of(study_id, number, params, 0)
    del wanted["seed"]  # It is that of whoever wrote: nothing else here knows it.
    owners = read_record(folder / EVENTS).owners
    seeds = [owner["seed"] for owner in owners if wanted.items() <= owner.items()]
    seed = seeds[-1] if seeds else 0
    identity = identity_of(study_id, number, params, seed)
    return examine_folder(folder, identity, params).record.reports


def is_checkpoint_of(path: str, trial: FrozenTrial) -> bool:
    """Returns whether a checkpoint is there and, as its sidecar says, of this trial.

    Whether its bytes are those that were written is checked where they are read.
    """
    if not os.path.exists(path):  # noqa: PTH110
        return False
    facts = _read_sidecar(Path(path).with_suffix(".json"))
    params, seed = facts.get("parameters"), facts.get("seed")
    wanted = identity_of("", trial.number, trial.params, 0)["parameters"]
    return params in (None, wanted) and (seed is None or trial.user_attrs.get(SEED, seed) == seed)


def move_to_orphans(folder: Path, whose: str) -> Path:
    """Moves a trial's folder into `orphans/`, under a name that says why; returns where it is."""
    target = free_name(folder.parent / ORPHANS / f"{folder.name}.{whose.replace(' ', '-')}")
    target.parent.mkdir(exist_ok=True)
    shutil.move(folder, target)
    return target


def free_name(path: Path) -> Path:
    """Returns the path, or where something is there already, the first of its kind that is free."""
    if not path.exists():
        return path
    tries = (path.with_name(f"{path.name}-{number}") for number in count(2))
    return next(each for each in tries if not each.exists())


def find_study_id(folder: Path) -> str | None:
    """Returns the id of the study whose trials have written into a study's folder, if one has."""
    for file in sorted(folder.glob(f"trial-*/{EVENTS}")):
        owners = read_record(file).owners
        if owners:
            return str(owners[-1].get("study"))
    return None


def _name_owner(owner: Mapping[str, Any], identity: Identity) -> Whose:
    if owner.get("study") != identity["study"]:
        return "another study"
    return "another trial" if owner.get("trial") != identity["trial"] else "other parameters"


def _whose_earlier(
    folder: Path, record: Record, identity: Identity, params: Mapping[str, Scalar]
) -> Whose:
    """Returns whose files of an earlier version are, by the parameters written beside them."""
    found = read_params(folder)
    if found is not None:
        same = identity_of("", 0, found, 0)["parameters"] == identity["parameters"]
        return "own" if same or dict(found) == dict(params) else "other parameters"
    hashes = {_read_sidecar(folder / name).get("parameters") for name in _SIDECARS} - {None}
    if hashes:
        return "own" if hashes == {identity["parameters"]} else "other parameters"
    return "unknown" if record.events else "nobody"


def read_params(folder: Path) -> Mapping[str, Scalar] | None:
    """Returns the parameters that a trial was trained with, as its folder has them."""
    try:
        found = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))["params"]
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError):
        return None
    return found if isinstance(found, dict) else None


def _read_sidecar(path: Path) -> Mapping[str, Any]:
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}
