"""The folder of a study's trials: where it is, and that it is this study's and no other's."""

from __future__ import annotations

import json
from pathlib import Path

import optuna

from hpsearch.errors import InputError
from hpsearch.search.store.keys import ID, RUNS

DEFAULT_RUNS = Path("runs")
MARK = "study.json"


def find_runs(study: optuna.Study, given: Path | None) -> Path:
    """Returns where the study's folder is; one that was moved is found in the folder given."""
    stored = Path(study.user_attrs.get(RUNS, ""))
    there = (stored / study.study_name).exists() and _is_free(stored, study.study_name, study)
    return stored if there else given or DEFAULT_RUNS


def claim_folder(study: optuna.Study, runs: Path) -> Path:
    """Makes the study's folder, or finds it, and returns it.

    Raises:
        InputError: the folder holds trials of another study.
    """
    refuse_foreign_folder(runs, study.study_name, study)
    folder = runs / study.study_name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).write_text(json.dumps({"id": study.user_attrs[ID]}), encoding="utf-8")
    return folder


def refuse_foreign_folder(runs: Path, name: str, study: optuna.Study | None) -> None:
    """Raises InputError if the folder holds trials of another study of this name.

    What trials have reported there is written to the database again after a crash, so it must not
    be the reports of another study: of one whose database is gone, say.

    Args:
        runs: the folder of all studies.
        name: the study's name.
        study: the study in the database; None if it is only to be made.
    """
    if not _is_free(runs, name, study):
        raise InputError(
            f"the folder {runs / name} holds trials of another study of this name, which is not in"
            " this database: move it away, or name another folder with --runs"
        )


def _is_free(runs: Path, name: str, study: optuna.Study | None) -> bool:
    mark = runs / name / MARK
    if study is not None and mark.exists():
        return _is_of(mark, study.user_attrs[ID])
    return not any((runs / name).glob("trial-*"))


def _is_of(mark: Path, study_id: str) -> bool:
    """Returns whether a folder's mark is that of the study.

    Raises:
        InputError: it is damaged.
    """
    try:
        return bool(json.loads(mark.read_text(encoding="utf-8"))["id"] == study_id)
    except (ValueError, TypeError, KeyError):
        raise InputError(
            f"the file {mark} cannot be read, so the folder may belong to another study; if it is"
            f" this one's, write into the file: {json.dumps({'id': study_id})}"
        ) from None
