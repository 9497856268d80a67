"""A study moved to another database: its trials, their attributes, and its confirmation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial
from sqlalchemy.exc import SQLAlchemyError

from hpsearch.errors import InputError, SearchError
from hpsearch.search.store import (
    NewStudy,
    StoredStudy,
    find_runs,
    find_study,
    insert_study,
    open_study,
    reason_of,
    redact,
    with_confirmation,
    write_owner,
)
from hpsearch.search.store.keys import CONFIRMS, ID, MOVED, RUNS


@dataclass(frozen=True)
class Copied:
    """What was copied.

    Attributes:
        trials: how many, by study: itself, and its confirmation if it has one.
        runs: the folder of the trials' files, which are not moved.
    """

    trials: Mapping[str, int]
    runs: Path


def copy_study(name: str, source: RDBStorage, target: RDBStorage) -> Copied:
    """Copies a study and its confirmation; from then on, only the target can run it.

    It stays the same study with the same id, so its files still belong to it. Nobody may own it
    meanwhile. Repeating the call finishes an interrupted copy. A study that was copied away from
    the target and comes back replaces what was left there.

    Raises:
        InputError: it cannot be copied, or a search owns it; nothing was changed.
        SearchError: a database failed.
    """
    stored = open_study(source, name)
    _refuse(stored, target)
    studies = with_confirmation(stored)
    with ExitStack() as owned:
        for study in studies:
            owned.enter_context(study.own())
        there = [find_study(target, study.name) for study in studies]
        for study, other in zip(studies, there, strict=True):
            _refuse_other(study, other)
        try:
            copied = [_copy(*pair, target) for pair in zip(studies, there, strict=True)]
            for study in studies:
                study.study.set_user_attr(MOVED, redact(target.url))
        except SQLAlchemyError as error:
            raise SearchError(
                f"the study {name} could not be copied completely: {reason_of(error)}. It is"
                f" unchanged in {redact(source.url)}; fix this and copy it again"
            ) from error
    trials = {study.name: len(copy) for study, copy in zip(studies, copied, strict=True)}
    return Copied(trials, find_runs(stored.study, None))


def _refuse(stored: StoredStudy, target: RDBStorage) -> None:
    if stored.database.engine.url == target.engine.url:
        raise InputError(f"--from and --to are the same database, {redact(target.url)}")
    if search := stored.study.user_attrs.get(CONFIRMS):
        raise InputError(
            f"{stored.name} confirms {search} and is copied with it: hpsearch copy {search}"
        )


def _refuse_other(stored: StoredStudy, other: StoredStudy | None) -> None:
    """Refuses to overwrite a study that is another one, or that continues at the target."""
    if other is None:
        return
    place = redact(other.database.url)
    if other.study.user_attrs[ID] != stored.study.user_attrs[ID]:
        raise InputError(
            f"{place} has another study of the name {stored.name}: copy into another database"
        )
    if MOVED not in other.study.user_attrs and not _equal(stored, other):
        raise InputError(
            f"{place} already has this study, with other trials: it continued there, or one of the"
            " two is a copy that was made by hand"
        )


def _copy(stored: StoredStudy, other: StoredStudy | None, target: RDBStorage) -> list[FrozenTrial]:
    """Writes a study into the target, if it is not there, with the folder of its trials."""
    trials = stored.trials()
    runs = find_runs(stored.study, None)
    if other is not None and MOVED in other.study.user_attrs:
        optuna.delete_study(study_name=other.name, storage=target)
        other = None
    if other is None:
        own = {k: v for k, v in stored.study.user_attrs.items() if k != MOVED}
        attributes = {**own, RUNS: str(runs.resolve())}
        system = stored.database.get_study_system_attrs(stored.row)
        new = NewStudy(stored.name, stored.spec.objectives, attributes, (), trials, system)
        insert_study(target.engine, new)
    copy = open_study(target, stored.name)
    if not _equal(stored, copy):
        raise SearchError(f"{redact(target.url)} does not give back what was written to it")
    if (folder := runs / stored.name).is_dir():
        write_owner(copy.study, folder)
    return trials


def _equal(stored: StoredStudy, other: StoredStudy) -> bool:
    ours, theirs = (each.trials() for each in (stored, other))
    return [*map(_facts, ours)] == [*map(_facts, theirs)]


def _facts(trial: FrozenTrial) -> Sequence[Any]:
    # As text: a curve may contain NaN, which equals nothing.
    return (
        *(trial.number, trial.state, trial.datetime_start, trial.datetime_complete),
        *(repr(trial.values), repr(sorted(trial.intermediate_values.items()))),
        *(trial.params, trial.distributions, trial.user_attrs, trial.system_attrs),
    )
