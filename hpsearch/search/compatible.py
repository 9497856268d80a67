"""What may change between two runs of a study, and what may not: the search space and the code."""

from __future__ import annotations

import difflib
import itertools
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState

from hpsearch.classes.environment import environment_from, find_environment
from hpsearch.classes.load import Call, check_unread
from hpsearch.errors import InputError
from hpsearch.protocol.layout import trial_folder
from hpsearch.search.store import StoredStudy, find_runs, own_reports, read_owner_file
from hpsearch.search.store.keys import ATTEMPTS, CURVE, DOCUMENT, ENVIRONMENTS, ID
from hpsearch.studyfile.parse import parse_study
from hpsearch.studyfile.study import StudySpec
from hpsearch.studyfile.yaml_text import to_yaml

# These decide how far and where a study runs, or how it chooses; what is searched stays the same.
MUTABLE_KEYS = (
    *("trials", "epochs", "timeout", "storage", "description", "sampler", "pruner"),
    *("scheduler", "enqueue", "audit"),
    *("hang_timeout", "trial_timeout", "keep_checkpoints", "disk_budget"),
)


def replace_valueless(stored: StoredStudy, spec: StudySpec) -> str:
    """Removes a stored study without any value if its file or code has changed.

    The cause of the failures was then probably corrected, and there is nothing to compare with. The
    study's folder is kept under another name.

    Returns:
        A sentence that says what was done; empty if nothing was.
    """
    if not begins_anew(stored, spec):
        return ""
    database = stored.database
    with stored.own():
        kept = _replace(stored.study, database)
    files = "" if kept is None else f"; its files are kept in {kept}"
    return f"no trial of {spec.name} has a value, and it was changed: it starts over{files}"


def begins_anew(stored: StoredStudy, given: StudySpec) -> bool:
    """Returns whether a stored study has no value, and its file or code has changed."""
    if stored.count(TrialState.COMPLETE):
        return False  # it has a value: no need to read the trials
    trials = stored.trials()
    # A trial without a value, even one whose data could not be read, has nothing to lose.
    if any(map(_has_value, trials)) or _has_reports(stored.study, trials):
        return False
    known = stored.study.user_attrs.get(ENVIRONMENTS, ())
    now = find_environment(given.document, given.import_paths)
    same_code = not known or now == environment_from(known[-1])
    return not same_code or bool(_difference(stored.spec.document, given.document))


def _has_value(trial: FrozenTrial) -> bool:
    return bool(trial.values or trial.intermediate_values or trial.user_attrs.get(CURVE))


def _has_reports(study: optuna.Study, trials: Sequence[FrozenTrial]) -> bool:
    """Returns whether a trial's record has reports that the database lacks, because of a kill."""
    folder, study_id = find_runs(study, None) / study.study_name, study.user_attrs[ID]
    return any(
        own_reports(folder / trial_folder(trial.number), study_id, trial.number, trial.params)
        for trial in trials
    )


def _replace(study: optuna.Study, database: RDBStorage) -> Path | None:
    """Removes a study from the database; returns where its folder is kept, if it has one."""
    folder = find_runs(study, None) / study.study_name
    kept = None
    if folder.is_dir():
        places = (folder.with_name(f"{folder.name}.replaced-{n}") for n in itertools.count(1))
        kept = next(place for place in places if not place.exists())
        folder.rename(kept)
    optuna.delete_study(study_name=study.study_name, storage=database)
    return kept


def check_compatible(stored: StudySpec, given: StudySpec) -> None:
    """Raises InputError with a diff if the two search different things under one name."""
    diff = _difference(stored.document, given.document, "in the database", "in the file")
    if not diff:
        return
    raise InputError(
        f"the study {given.name} is in the database already, and searches something else:\n{diff}"
        f"\nGive the changed study another name (--set study.name={given.name}-2), or continue"
        f" the old one: hpsearch resume {given.name}"
    )


def check_unchanged(stored: StoredStudy, folder: Path) -> None:
    """Raises InputError if somebody has changed in the database what a study's trials share.

    Args:
        stored: the study.
        folder: its own, whose owner file has the study file of the last run.
    """
    name, objectives = stored.name, stored.spec.objectives
    directions = [direction.name.lower() for direction in stored.study.directions]
    if directions != [*objectives.values()]:
        raise InputError(
            f"the database says {', '.join(directions) or 'nothing'} for {', '.join(objectives)},"
            f" the study file {', '.join(objectives.values())}: hpsearch fsck {name} --repair"
        )
    kept = read_owner_file(folder)
    text = kept.get("attributes", {}).get(DOCUMENT)
    attributes = stored.study.user_attrs
    if text in (None, attributes[DOCUMENT]) or kept["id"] != attributes[ID]:
        return
    try:
        before = StudySpec.from_document(json.loads(text), stored.spec.import_paths).document
    except (InputError, ValueError, TypeError, KeyError, AttributeError):
        return  # of another version, or damaged: it proves nothing
    # It may have been renamed since.
    before = {**before, "study": {**before["study"], "name": name}}
    if diff := _difference(before, stored.spec.document, "of the last run", "in the database"):
        raise InputError(
            f"the study file of {name} was changed in the database since its trials were"
            f" trained:\n{diff}\nRestore a copy of the database, or rebuild it from the study's"
            f" folder: hpsearch fsck {name} --rebuild --storage URL"
        )


def _difference(
    before: Mapping[str, Any], after: Mapping[str, Any], old: str = "", new: str = ""
) -> str:
    """Returns how two study files search different things, line by line; empty if they do not."""
    left, right = (to_yaml(_fixed(document)).splitlines() for document in (before, after))
    return "\n".join(difflib.unified_diff(left, right, old, new, lineterm="", n=1))


def check_environment(
    study: optuna.Study, spec: StudySpec, accept_changes: bool, call: Call | None = None
) -> int:
    """Returns the number (from 0) of the environment that trials are trained under from now on.

    A new environment is written to the study, which this process must own.

    Args:
        study: the study.
        spec: what it searches.
        accept_changes: whether the user accepts another environment than that of earlier trials.
        call: see `check_classes`.

    Raises:
        InputError: the code of the study's own modules, or a library's version, has changed since
            earlier trials, and the user did not accept that; the message says what differs.
        StudyFileError: the study's classes are no longer there, or take other arguments.
    """
    now = find_environment(spec.document, spec.import_paths)
    known = list(study.user_attrs.get(ENVIRONMENTS, ()))
    before = [environment_from(one) for one in known]
    if now in before:
        return before.index(now)
    if known and not _has_trained(study):
        known, before = [], []
    differences = now.differences(before[-1]) if before else ()
    if before and not accept_changes:
        raise InputError(
            "\n  ".join(
                [f"the trials of {study.study_name} were trained differently:", *differences]
            )
            + "\nTheir values cannot be compared with new ones. Continue with --accept-changes,"
            " which is recorded, or give the study another name"
            f" (--set study.name={spec.name}-2)"
        )
    if before:
        check_unread(parse_study(spec.source, spec.import_paths), call)
    since = datetime.now().astimezone().isoformat(timespec="seconds")
    entry = {"since": since, "differences": list(differences), **now.to_data()}
    study.set_user_attr(ENVIRONMENTS, [*known, entry])
    return len(known)


def _has_trained(study: optuna.Study) -> bool:
    return any(ATTEMPTS in trial.user_attrs for trial in study.get_trials(deepcopy=False))


def _fixed(document: Mapping[str, Any]) -> dict[str, Any]:
    study = {key: value for key, value in document["study"].items() if key not in MUTABLE_KEYS}
    return {**document, "study": study}
