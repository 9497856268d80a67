"""Checks a study as a whole: its directions, its study file, and the files it should keep."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import optuna
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from hpsearch.internals.optuna import study_id_of
from hpsearch.protocol.layout import trial_folder
from hpsearch.protocol.types import primary, sign_of
from hpsearch.search.fsck.problem import Problem, ProblemKind, Repair
from hpsearch.search.store import OWNER_FILE, direction_change, owner_fault, read_owner_file
from hpsearch.search.store.keys import CONFIRMS, DOCUMENT, IMPORT_PATHS, SPLIT, VERSIONS
from hpsearch.studyfile.study import StudySpec

_COMPARED: dict[str, ProblemKind] = {
    DOCUMENT: "study file",
    IMPORT_PATHS: "study file",
    SPLIT: "study file",
    CONFIRMS: "study file",
    VERSIONS: "versions",
}


def check_study(study: optuna.Study, spec: StudySpec, folder: Path) -> list[Problem]:
    """Returns where a study's own rows differ from its study file and its folder."""
    found, known = [], len(study.directions)
    for objective, (metric, wanted) in enumerate(spec.objectives.items()):
        stored = study.directions[objective].name.lower() if objective < known else None
        if stored != wanted:
            said = f"is to {stored} {metric}" if stored else f"lacks a row for {metric}"
            text = f"the database {said}, the study file is to {wanted} it"
            change = direction_change(study_id_of(study), objective, StudyDirection[wanted.upper()])
            found.append(
                Problem("direction", "study", text, Repair(f"{wanted} it again", (change,)))
            )
    kept, attributes = read_owner_file(folder).get("attributes", {}), study.user_attrs
    if folder.is_dir() and (how := owner_fault(folder)):
        text = f"it is {how}, and a lost database is rebuilt from it"
        found.append(Problem("file", OWNER_FILE, text, Repair("write it again")))
    for key, kind in _COMPARED.items():
        if key in kept and key in attributes and kept[key] != attributes[key]:
            name = key.partition(":")[2]
            text = f"{name} is not what it was when the search last ran: {_change(kept, key)}"
            found.append(Problem(kind, "study", f"{text}; believe neither"))
    return found


def check_kept(trials: Sequence[FrozenTrial], spec: StudySpec, folder: Path) -> list[Problem]:
    """Returns the trials whose folders are missing, and the best ones without a checkpoint."""
    if not folder.is_dir():
        return []
    found = []
    for number in _to_keep(trials, spec):
        place = folder / trial_folder(number)
        if not place.is_dir():
            text = "its folder is gone, and with it the checkpoint of one of the best trials"
            found.append(Problem("folder", place.name, text))
        elif not any(place.glob("best.*")):
            text = "it is missing, but the trial is one of the best, whose checkpoints are kept"
            found.append(Problem("checkpoint", f"{place.name}/best.ckpt", text))
    return found


def _to_keep(trials: Sequence[FrozenTrial], spec: StudySpec) -> list[int]:
    """Returns the complete trials whose best checkpoint must still exist."""
    complete = [t for t in trials if t.state == TrialState.COMPLETE and t.values]
    if len(spec.objectives) > 1:
        return [trial.number for trial in complete]
    if spec.disk_budget is not None:
        return []
    sign = sign_of(primary(spec.objectives)[1])
    ranked = sorted(complete, key=lambda trial: (-sign * trial.values[0], trial.number))
    return sorted(trial.number for trial in ranked[: spec.keep_checkpoints])


def _change(kept: dict[str, object], key: str) -> str:
    text = json.dumps(kept[key]) if not isinstance(kept[key], str) else str(kept[key])
    return f"{text[:60]}..." if len(text) > 60 else text
