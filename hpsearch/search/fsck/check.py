"""Checks a study's database and its run folder against each other, without writing anything."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from operator import index
from pathlib import Path

import optuna
import sqlalchemy as sa
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from hpsearch.errors import InputError, SearchError
from hpsearch.internals.optuna import study_id_of
from hpsearch.protocol.job import Identity
from hpsearch.protocol.layout import trial_folder
from hpsearch.search.fsck.files import check_files, check_orphans, find_orphan, list_numbers
from hpsearch.search.fsck.owner import check_owner
from hpsearch.search.fsck.problem import Problem, Repair
from hpsearch.search.fsck.rows import check_trial, curve_of, read_record
from hpsearch.search.fsck.study import check_kept, check_study
from hpsearch.search.store import (
    EVENTS,
    ORPHANS,
    check_shape,
    connect_read_only,
    examine_folder,
    find_owner,
    find_runs,
    last_owner,
    open_storage,
    open_study,
    read_storage,
    redact,
    refuse_foreign_folder,
    trial_identity,
)
from hpsearch.search.store.keys import ID
from hpsearch.studyfile.study import StudySpec

_MOST_ROWS = 20


@dataclass(frozen=True)
class FsckReport:
    """The result of a check.

    Attributes:
        study: its name.
        trials: how many were checked.
        owner: the living process that runs the study, as `host, pid 123`; its unfinished trials
            are not checked. None if nobody runs it.
        problems: what is wrong, and what is only information.
    """

    study: str
    trials: int
    owner: str | None
    problems: tuple[Problem, ...]

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that are not just information."""
        return tuple(problem for problem in self.problems if not problem.info_only)


@dataclass(frozen=True)
class FsckTarget:
    """A study that can be examined: its database is sound, and its run folder is its own.

    Attributes:
        folder: the study's own; it need not exist.
    """

    database: RDBStorage
    study: optuna.Study
    spec: StudySpec
    folder: Path

    def identity(self, trial: FrozenTrial) -> Identity:
        """Returns the identity that a trial's record must have, according to the database."""
        return trial_identity(self.study.user_attrs[ID], self.spec.seed_of, trial)


def examine_study(url: str, name: str, runs: Path | None) -> FsckReport:
    """Returns what is damaged in a study's database and run folder.

    Raises:
        InputError: there is no such database or study, hpsearch did not create it, or the run
            folder belongs to another study.
        SearchError: the study's own rows in the database cannot be read.
    """
    broken = check_database(url)
    if broken:
        return FsckReport(name, 0, None, tuple(broken))
    target = open_target(url, name, runs)
    engine, study_id = target.database.engine, study_id_of(target.study)
    owner = find_owner(engine, study_id)
    found = examine(target, str(owner) if owner else None)
    left_behind = [] if owner else _check_lease(engine, study_id)
    return replace(found, problems=(*found.problems, *left_behind))


def open_target(url: str, name: str, runs: Path | None, *, write: bool = False) -> FsckTarget:
    """Opens the study to be examined.

    Raises:
        InputError: as `examine_study`.
        SearchError: the study's own rows in the database cannot be read.
    """
    database = open_storage(url, create=False) if write else read_storage(url)
    try:
        stored = open_study(database, name)
    except (ValueError, LookupError, TypeError) as error:
        raise SearchError(
            f"the rows of the study {name} cannot be read ({error}): restore a copy of the database"
        ) from error
    return FsckTarget(database, stored.study, stored.spec, _find_folder(stored.study, runs))


def examine(target: FsckTarget, owner: str | None) -> FsckReport:
    """Returns what is damaged in a study; `owner` is another process that runs it, if any."""
    # In this order, since a running trial has its row before its folder.
    numbers = list_numbers(target.folder)
    name, study_id = target.study.study_name, study_id_of(target.study)
    try:
        trials = target.database.get_all_trials(study_id, deepcopy=False)
        counts = Counter(index(trial.number) for trial in trials)
    except (ValueError, LookupError, TypeError) as error:
        text = f"a trial's row cannot be read ({error}): restore a copy of the database"
        return FsckReport(name, 0, owner, (Problem("database", "database", text),))
    checked = [
        trial
        for trial in trials
        if counts[trial.number] == 1 and (owner is None or trial.state.is_finished())
    ]
    # A missing number's folder is all that is left of a trial, and not an orphan.
    known = range(max(counts, default=-1) + 1)
    found = [*_check_numbers(counts), *check_orphans(target.folder, numbers, known)]
    found += check_study(target.study, target.spec, target.folder)
    try:
        check_shape(name, target.study.user_attrs, trials)
    except InputError as error:
        found.append(Problem("attribute", "database", str(error)))
    found += check_kept(trials, target.spec, target.folder)
    for trial in checked:
        own = _check_one(target, trial)
        if own and owner is not None:
            # The running search may have been about to change exactly this.
            again = _check_one(target, trial)
            own = [problem for problem in own if problem in again]
        found += own
    if trials and not target.folder.is_dir():
        text = f"{target.folder} is not there, so no file was checked: name its parent with"
        found = [problem for problem in found if problem.kind != "record"]
        found.append(Problem("folder", "run folder", f"{text} --runs", info_only=True))
    return FsckReport(name, len(checked), owner, tuple(found))


def check_database(url: str) -> list[Problem]:
    """Returns what SQLite itself finds wrong with its file; nothing for other servers.

    Raises:
        InputError: the file exists and cannot be read.
    """
    path = _sqlite_file(url)
    if path is None:
        return []
    try:
        with closing(connect_read_only(path)) as connection:
            rows = connection.execute(f"PRAGMA integrity_check({_MOST_ROWS})").fetchall()
    except sqlite3.OperationalError as error:
        raise InputError(f"the database {redact(url)} cannot be read: {error}") from error
    except sqlite3.DatabaseError as error:
        rows = [(error,)]
    errors = [str(row[0]) for row in rows if row[0] != "ok"]
    if not errors:
        return []
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    text = (
        f"SQLite says: {errors[0].splitlines()[0]}{more}. Restore a copy; or move it"
        f" away, and rebuild each study from its folder: mv {path.name} {path.name}.damaged &&"
        " hpsearch fsck NAME --rebuild; or save what can be read:"
        f" sqlite3 {path.name} .recover | sqlite3 saved.db"
    )
    return [Problem("database", path.name, text)]


def _find_folder(study: optuna.Study, runs: Path | None) -> Path:
    """Returns the study's own folder; it need not exist.

    Raises:
        InputError: it belongs to another study, or its owner is unknown.
    """
    found = find_runs(study, runs)
    refuse_foreign_folder(found, study.study_name, study)
    return found / study.study_name


def _sqlite_file(url: str) -> Path | None:
    """Returns the file of an existing SQLite database, or None."""
    with suppress(ArgumentError, ValueError):
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite" and parsed.database:
            path = Path(parsed.database)
            return path if path.is_file() else None
    return None


def _check_numbers(counts: Mapping[int, int]) -> list[Problem]:
    """Returns a problem for each trial number that is missing or duplicated."""
    missing = sorted(set(range(max(counts, default=-1) + 1)) - set(counts))
    errors = [f"trial {number} is missing" for number in missing]
    errors += [f"trial {number} is there {n} times" for number, n in counts.items() if n > 1]
    advice = "resume would mix trials up: restore a copy of the database"
    return [Problem("numbers", "database", f"{error}; {advice}") for error in errors]


def _check_lease(engine: sa.Engine, study_id: int) -> list[Problem]:
    """Returns a problem for the lease of a dead owner, if there is one."""
    owner = last_owner(engine, study_id)
    if owner is None:
        return []
    text = f"its owner is gone ({owner}): run and resume take the study over"
    return [Problem("lease", "database", text, info_only=True)]


def _check_one(target: FsckTarget, trial: FrozenTrial) -> list[Problem]:
    objectives, place = target.spec.objectives, target.folder / trial_folder(trial.number)
    identity = target.identity(trial)
    gone = curve_of(trial) and not place.exists()
    if gone and (own := find_orphan(place, identity)) is not None:
        text, words = f"its folder is {ORPHANS}/{own.name}", "move it back"
        return [Problem("folder", place.name, text, Repair(words, moves=((own, place),)))]
    evidence = examine_folder(place, identity, trial.params)
    if evidence.foreign:
        return check_owner(trial, place, evidence.whose, objectives)
    record = read_record(place / EVENTS, objectives, identity)
    owner = {"owner": f"{target.spec.name}, trial {trial.number}", **identity}
    return [*check_trial(trial, record, objectives), *check_files(place, owner)]
