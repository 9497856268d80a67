"""Upkeep of studies: moved to the trash, renamed, and freed of checkpoints."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import optuna
from optuna.storages import RDBStorage

from hpsearch.errors import InputError
from hpsearch.internals.optuna import TABLES
from hpsearch.protocol.layout import CHECKPOINTS, TrialFiles, trial_folder
from hpsearch.search.coordinator import Retention
from hpsearch.search.store import (
    StoredStudy,
    StudyRecord,
    best_first,
    find_confirmation,
    find_runs,
    free_name,
    open_study,
    study_attribute,
    with_confirmation,
    write,
    write_owner,
)
from hpsearch.search.store.keys import CONFIRMATION, CONFIRMS, DOCUMENT
from hpsearch.studyfile.diagnostics import InvalidValueError
from hpsearch.studyfile.settings import check_name

# No study can have this name.
TRASH = ".trash"


def discard(stored: StoredStudy) -> Path | None:
    """Removes a study and its confirmation from the database; keeps their files in the trash.

    Each folder in the trash records which study it belongs to: once it is moved back, `fsck
    --rebuild` rebuilds the study in the database.

    Returns:
        Where the study's folder is now; None if it had none.

    Raises:
        InputError: the study, or its confirmation, is running.
    """
    kept = None
    studies = with_confirmation(stored)
    with _owned(studies):
        for each in studies:
            folder = _folder(each)
            if folder.is_dir():
                write_owner(each.study, folder)
                target = free_name(
                    folder.parent / TRASH / f"{each.name}-{time.strftime('%Y%m%d-%H%M%S')}"
                )
                target.parent.mkdir(exist_ok=True)
                folder.rename(target)
                kept = target if each is stored else kept
    for each in studies:
        optuna.delete_study(study_name=each.name, storage=each.database)
    return kept


def refuse_running(stored: StoredStudy) -> None:
    """Raises InputError if a study, or its confirmation, is running."""
    with _owned(with_confirmation(stored)):
        pass


def rename(stored: StoredStudy, name: str) -> None:
    """Gives a study, its folder and its confirmation another name.

    Files belong to a study by its id, not its name, so every checkpoint stays its trial's. After a
    kill in the middle, the same call completes the renaming.

    Raises:
        InputError: the name is not allowed or taken, or the study is running.
    """
    try:
        check_name(name)
    except InvalidValueError as error:
        raise InputError(str(error)) from error
    database = stored.database
    if name in optuna.get_all_study_names(database):
        raise InputError(f"a study {name} already exists; choose another name")
    studies = with_confirmation(stored)
    if CONFIRMS in stored.study.user_attrs:
        original = stored.study.user_attrs[CONFIRMS]
        raise InputError(f"{stored.name} is the confirmation of {original}; rename that one")
    names = [name, find_confirmation(database, name)[0]][: len(studies)]
    with _owned(studies):
        for each, new in zip(studies, names, strict=True):
            _move(_folder(each), new)
        _write_names(studies, names)
    for new in names:
        renamed = open_study(database, new)
        if (folder := _folder(renamed)).is_dir():
            write_owner(renamed.study, folder)


def prune_checkpoints(stored: StoredStudy, keep: int) -> int:
    """Removes the checkpoints of finished trials except the best ones and the confirmed one.

    Args:
        stored: the study.
        keep: how many of the best complete trials keep theirs.

    Returns:
        How many bytes this freed.

    Raises:
        InputError: the study runs.
    """
    with _owned([stored]):
        study = stored.record()
        folder = Path(study.runs) / study.name
        before = _checkpoint_bytes(folder, len(study.trials))
        retention = Retention(folder, study.objectives, keep, None)
        for trial in study.trials:
            if not trial.contradiction and trial.number != _chosen_beyond(study, keep):
                retention.take(trial)
        _write_keep(stored, keep)
        return before - _checkpoint_bytes(folder, len(study.trials))


def _write_keep(stored: StoredStudy, keep: int) -> None:
    """Writes how many trials keep their checkpoints, so that fsck does not miss the others."""
    document = stored.spec.document
    document = {**document, "study": {**document["study"], "keep_checkpoints": keep}}
    change = study_attribute(stored.row, DOCUMENT, json.dumps(document), system=False)
    with stored.database.engine.begin() as connection:
        write(connection, [change], {})
    write_owner(open_study(stored.database, stored.name).study, _folder(stored))


def _chosen_beyond(study: StudyRecord, keep: int) -> int | None:
    """Returns the trial that the confirmation chose, if it is not among the best ones kept."""
    best = best_first(study.trials, study.objectives)[:keep]
    return None if study.best is None or study.best in best else study.best.number


def _checkpoint_bytes(folder: Path, trials: int) -> int:
    files = (
        TrialFiles(folder / trial_folder(number)).checkpoint(name)
        for number in range(trials)
        for name in CHECKPOINTS
    )
    # One file may have two names.
    return sum(
        {file.stat().st_ino: file.stat().st_size for file in files if file.is_file()}.values()
    )


@contextmanager
def _owned(studies: Sequence[StoredStudy]) -> Iterator[None]:
    """Owns the studies inside the block, so that nobody runs them meanwhile."""
    with ExitStack() as stack:
        for each in studies:
            stack.enter_context(each.own())
        yield


def _folder(stored: StoredStudy) -> Path:
    return find_runs(stored.study, None).absolute() / stored.name


def _move(folder: Path, name: str) -> None:
    """Gives a study's folder its new name, unless it has it already.

    Raises:
        InputError: something else is there.
    """
    target = folder.with_name(name)
    if not folder.is_dir():
        return
    if target.exists():
        raise InputError(f"{target} already exists; move it away, or choose another name")
    folder.rename(target)


def _write_names(studies: Sequence[StoredStudy], names: Sequence[str]) -> None:
    """Writes all the names in one transaction: a study without its own could not be read."""
    database: RDBStorage = studies[0].database
    table = TABLES["studies"]
    with database.engine.begin() as connection:
        for each, name in zip(studies, names, strict=True):
            here = table.c.study_id == each.row
            connection.execute(table.update().where(here).values(study_name=name))
            document = each.spec.document
            document = {**document, "study": {**document["study"], "name": name}}
            facts: dict[str, object] = {DOCUMENT: json.dumps(document)}
            known = each.study.user_attrs
            if CONFIRMS in known:
                facts[CONFIRMS] = names[0]
            if found := known.get(CONFIRMATION):
                facts[CONFIRMATION] = {**found, "study": names[-1]}
            changes = [study_attribute(each.row, k, v, system=False) for k, v in facts.items()]
            write(connection, changes, {})
