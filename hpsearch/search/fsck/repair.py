"""Repairs what `hpsearch fsck` finds, as far as that is safe: nothing is lost."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from optuna.storages import RDBStorage

from hpsearch.errors import SearchError
from hpsearch.internals.optuna import study_id_of, trial_id_of
from hpsearch.search.fsck.check import FsckReport, check_database, examine, open_target
from hpsearch.search.fsck.problem import Repair
from hpsearch.search.store import (
    Ids,
    Lease,
    free_name,
    owner_fault,
    refuse_folder_of_original,
    take_lease,
    write,
    write_owner,
)


def repair_study(url: str, name: str, runs: Path | None) -> tuple[FsckReport, FsckReport]:
    """Repairs what it can; returns the problems found, and those that a second check still finds.

    This process owns the study in the meantime. A database file that is damaged itself is left as
    it is, as is everything that depends on it.

    Raises:
        InputError: as `examine_study`; or another process runs the study, or its folder belongs to
            a database of which this one is a copy.
        SearchError: as `examine_study`; or another process has since taken the study over.
    """
    broken = check_database(url)
    if broken:
        report = FsckReport(name, 0, None, tuple(broken))
        return report, report
    target = open_target(url, name, runs, write=True)
    refuse_folder_of_original(target.folder, target.study)
    database, study_id = target.database, study_id_of(target.study)
    with take_lease(database.engine, study_id, name) as lease:
        found = examine(target, None)
        repairs = [problem.repair for problem in found.errors if problem.repair is not None]
        trials = database.get_all_trials(study_id, deepcopy=False) if repairs else []
        _apply(repairs, database, lease, {trial.number: trial_id_of(trial) for trial in trials})
        if target.folder.is_dir() and owner_fault(target.folder):
            write_owner(target.study, target.folder)
        # Opened again: Optuna keeps a study's directions.
        return found, examine(open_target(url, name, runs), None)


def _apply(repairs: Sequence[Repair], database: RDBStorage, lease: Lease, ids: Ids) -> None:
    """Writes all changes to the database or none, and moves files only while the study is owned."""
    with database.engine.begin() as connection:
        if lease.hold(connection) != "held":
            raise SearchError("another process has taken this study over; nothing was repaired")
        write(connection, [change for repair in repairs for change in repair.changes], ids)
    for repair in repairs:
        for source, target in repair.moves:
            _move(source, target)


def _move(source: Path, target: Path | None) -> None:
    if target is None:
        source.unlink(missing_ok=True)
        return
    target.parent.mkdir(exist_ok=True)
    shutil.move(source, free_name(target))
