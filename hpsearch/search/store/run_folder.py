"""The folder of a study's trials: where it is, and whether it belongs to this study.

Its owner file, `study.json`, identifies the owner: the study's id, the folder's path, and the file
of the database. This distinguishes a folder that was moved or copied with its database from one
whose database was copied alone. Where it is missing or damaged, the trials' own records say whose
the folder is.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

import optuna

from hpsearch.errors import InputError
from hpsearch.internals.optuna import database_of
from hpsearch.protocol.regular_file import read_regular
from hpsearch.search.store.database import database_file
from hpsearch.search.store.keys import (
    CONFIRMS,
    FINALIST,
    FIXED,
    ID,
    IMPORT_PATHS,
    REPEAT,
    RUNS,
    SEED,
)
from hpsearch.search.store.lost import DEFAULT_RUNS, OWNER_FILE
from hpsearch.search.store.proof import find_study_id, free_name, read_params
from hpsearch.search.store.sqlite_file import connect_read_only


def find_runs(study: optuna.Study, given: Path | None) -> Path:
    """Returns the folder that holds, or will hold, the study's own.

    Args:
        study: the study in the database.
        given: the folder that the user named, if any.
    """
    stored, file = Path(study.user_attrs.get(RUNS, "")), _file_of(study)
    beside = [] if file is None else [file.absolute().parent / stored.name]
    candidates = [*([] if given is None else [given]), *beside, stored]
    for candidate in candidates:
        folder = candidate / study.study_name
        if is_readable(folder) and _is_of(folder, study) and not _of_original(folder, study):
            return candidate
    if given is not None:
        return given
    if beside and _of_original(stored / study.study_name, study):
        return beside[0]
    return DEFAULT_RUNS if not stored.name or _is_missing(stored.parent) else stored


def is_readable(folder: Path) -> bool:
    """Returns whether a folder is there and this user may look into it."""
    return os.access(folder, os.R_OK | os.X_OK)


def _is_missing(folder: Path) -> bool:
    """Returns whether a folder does not exist; one in another user's closed folder may."""
    try:
        folder.stat()
    except OSError as error:
        return not isinstance(error, PermissionError)
    return False


def find_import_paths(study: optuna.Study) -> tuple[str, ...]:
    """Returns the folders of the study's own classes: in a moved or copied project, those in it.

    Without that, a copy would be trained with the code of its original.
    """
    paths, before = tuple(study.user_attrs.get(IMPORT_PATHS, ())), Path(study.user_attrs[RUNS])
    file = _file_of(study)
    if file is None or file.absolute().parent == before.parent:
        return paths
    home = find_runs(study, None).absolute().parent
    return tuple(_moved(path, before.parent, home) for path in paths)


def _moved(path: str, before: Path, home: Path) -> str:
    """Returns the path below `home` of a folder below `before`; the old one if no code is there."""
    if not Path(path).is_relative_to(before):
        return path
    moved = home / Path(path).relative_to(before)
    if not is_readable(moved):
        return path
    has_code = any(any(moved.glob(pattern)) for pattern in ("*.py", "*/__init__.py"))
    return str(moved) if has_code else path


def claim_folder(study: optuna.Study, runs: Path) -> Path:
    """Creates the study's folder if it does not exist, and returns it.

    Args:
        study: the study in the database.
        runs: the folder of all studies.

    Raises:
        InputError: the folder holds trials of another study, or belongs to another database.
    """
    refuse_foreign_folder(runs, study.study_name, study)
    folder = runs / study.study_name
    refuse_folder_of_original(folder, study)
    folder.mkdir(parents=True, exist_ok=True)
    write_owner(study, folder)
    return folder


def refuse_folder_of_original(folder: Path, study: optuna.Study) -> None:
    """Raises InputError if a study's folder belongs to another file, of which its own is a copy."""
    if _of_original(folder, study):
        owner = read_owner_file(folder).get("database") or "beside it"
        raise InputError(
            f"the folder {folder} belongs to the database {owner}, of which {_file_of(study)} is a"
            " copy: name another folder with --runs, or the original with --storage"
        )


def write_owner(study: optuna.Study, folder: Path) -> None:
    """Writes whose folder this is, and what is needed to rebuild the database.

    What was there and is damaged is kept beside it.
    """
    file, owner_file = _file_of(study), folder / OWNER_FILE
    facts = {
        "id": study.user_attrs[ID],
        "folder": str(folder.resolve()),
        "database": str(file.resolve()) if file else None,
        "name": study.study_name,
        "attributes": {k: v for k, v in study.user_attrs.items() if k.startswith("hpsearch:")},
        "trials": _given_facts(study),
    }
    if owner_fault(folder) == "damaged":
        owner_file.rename(free_name(owner_file.with_name(f"{OWNER_FILE}.damaged")))
    _write(owner_file, facts)


def owner_fault(folder: Path) -> Literal["", "missing", "damaged"]:
    """Returns what is wrong with the owner file of a study's folder; empty if nothing is."""
    if read_owner_file(folder):
        return ""
    return "damaged" if (folder / OWNER_FILE).exists() else "missing"


def read_owner_file(folder: Path) -> dict[str, Any]:
    """Returns the content of the owner file; nothing if it is missing or damaged."""
    try:
        facts = json.loads(read_regular(folder / OWNER_FILE))
        whole = isinstance(facts["id"], str) and all(
            isinstance(facts.get(name, {}), dict) for name in ("attributes", "trials")
        )
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return {}
    return dict(facts) if whole else {}


def refuse_foreign_folder(runs: Path, name: str, study: optuna.Study | None) -> None:
    """Raises InputError if the folder holds trials of another study of this name.

    Reports in the folder are written to the database after a crash, so they must not be those of
    another study, such as one whose database is gone.

    Args:
        runs: the folder of all studies.
        name: the study's name.
        study: the study in the database; None if it does not exist yet.
    """
    folder = runs / name
    if not any(folder.glob("trial-*")):
        return
    if study is None:
        raise InputError(
            f"the folder {folder} holds trials of a study that is not in this database: move it"
            " away, name another folder with --runs, or, if its database is lost, rebuild it"
            f" from the folder: hpsearch fsck {name} --rebuild"
        )
    if _is_of(folder, study):
        return
    other = read_owner_file(folder).get("id") or find_study_id(folder)
    if other:
        raise InputError(
            f"the folder {folder} holds trials of another study of this name (id {other}), which is"
            " not in this database: move it away, or name another folder with --runs"
        )
    text = json.dumps({"id": study.user_attrs[ID]})
    raise InputError(
        f"the folder {folder} has lost its owner file, {OWNER_FILE}, and nothing in it says"
        f" whose trials it holds. If they are this study's, write into {folder / OWNER_FILE}:"
        f" {text}; otherwise move it away, or name another folder with --runs"
    )


def _is_of(folder: Path, study: optuna.Study) -> bool:
    """Returns whether a folder is a study's own, by its owner file or else by its trials."""
    owner_file = read_owner_file(folder)
    if owner_file:
        return bool(owner_file["id"] == study.user_attrs[ID])
    if not any(folder.glob("trial-*")):
        return True
    found = find_study_id(folder)
    return found == study.user_attrs[ID] if found is not None else _has_its_params(folder, study)


def _has_its_params(folder: Path, study: optuna.Study) -> bool:
    """Returns whether trials written by an earlier version have the study's parameters."""
    known = {f"trial-{trial.number:04d}": trial.params for trial in study.trials}
    found = {path.name: read_params(path) for path in folder.glob("trial-*")}
    reported = {name: params for name, params in found.items() if params is not None}
    return bool(reported) and all(known.get(name) == params for name, params in reported.items())


def _of_original(folder: Path, study: optuna.Study) -> bool:
    """Returns whether a folder belongs to another database file, of which this one is a copy.

    A folder whose path differs from the one in its owner file was moved or copied: it belongs to
    the database that it is used with.
    """
    owner_file, file = read_owner_file(folder), _file_of(study)
    here = str(folder.resolve())
    if file is None or owner_file.get("folder", here) != here:
        return False
    # An earlier version's owner file does not name the database, which was usually beside the runs.
    named = owner_file.get("database")
    other = Path(
        named if named and isinstance(named, str) else folder.resolve().parent.parent / file.name
    )
    if not os.access(other, os.F_OK) or (file.exists() and other.samefile(file)):
        return False
    return _holds(other, study.user_attrs[ID])


def _holds(file: Path, study_id: str) -> bool:
    """Returns whether an SQLite file holds the study with this id."""
    query = "SELECT 1 FROM study_user_attributes WHERE key = ? AND value_json = ?"
    try:
        with closing(connect_read_only(file)) as connection:
            return connection.execute(query, (ID, json.dumps(study_id))).fetchone() is not None
    except (OSError, sqlite3.Error):
        return False


def _given_facts(study: optuna.Study) -> dict[str, Any]:
    """Returns the given attributes of a confirmation's trials, which their folders lack."""
    if CONFIRMS not in study.user_attrs:
        return {}
    return {
        str(trial.number): {
            FIXED: trial.system_attrs.get(FIXED),
            **{key: trial.user_attrs.get(key) for key in (FINALIST, REPEAT, SEED)},
        }
        for trial in study.get_trials(deepcopy=False)
        if FINALIST in trial.user_attrs
    }


def _file_of(study: optuna.Study) -> Path | None:
    database = database_of(study)
    return None if database is None else database_file(database.url)


def _write(owner_file: Path, facts: Mapping[str, Any]) -> None:
    beside = owner_file.with_suffix(".json.tmp")
    with beside.open("w", encoding="utf-8") as file:
        file.write(json.dumps(facts, indent=1))
        file.flush()
        os.fsync(file.fileno())
    beside.replace(owner_file)
