"""A search from its study file, or from its database alone, to its end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from optuna.study import Study
from optuna.trial import TrialState
from sqlalchemy.exc import SQLAlchemyError

from hpsearch.classes.components import class_modules
from hpsearch.engines.factory import PreparedEngine, Workload
from hpsearch.engines.inline import InlineEngine
from hpsearch.errors import InputError, SearchError
from hpsearch.search.compatible import (
    check_compatible,
    check_environment,
    check_unchanged,
    replace_valueless,
)
from hpsearch.search.coordinator import (
    ASKED,
    SIGNALS,
    Coordinator,
    Observer,
    SearchSetup,
    StopRequest,
    responsive,
    stop_on_signals,
)
from hpsearch.search.options import RunOptions
from hpsearch.search.start_from import settings_to_start_from
from hpsearch.search.store import (
    DEFAULT_RUNS,
    OWNER_FILE,
    DatabaseUnavailableError,
    Inbox,
    Lease,
    StoredStudy,
    StudyRecord,
    StudyWriter,
    WriteBehindQueue,
    buffer_writes,
    claim_folder,
    create_study,
    describe_study,
    enqueue,
    find_runs,
    find_study,
    grid_size,
    new_settings,
    owner_fault,
    reason_of,
    redact,
    refuse_foreign_folder,
    trials_of,
    write_owner,
)
from hpsearch.search.store.keys import BUDGET, CONFIRMS, SEED
from hpsearch.studyfile.study import StudySpec


@dataclass(frozen=True)
class SearchOutcome:
    """How a search ended.

    Attributes:
        study: the study as it is now.
        interrupted: a signal asked it to stop, and it can be resumed.
        error: why it stopped itself; empty if it did not.
    """

    study: StudyRecord
    interrupted: bool
    error: str


def run_study(
    spec: StudySpec,
    database: RDBStorage,
    options: RunOptions,
    engine: PreparedEngine,
    observer: Observer,
) -> SearchOutcome:
    """Runs the study of a file: starts it, or continues it if the database has it.

    Raises:
        InputError: something given is wrong, or the data are; nothing was trained.
        SearchError: the database or the disk failed; what was trained is kept.
    """
    stored = find_study(database, spec.name)
    if stored is not None and (note := replace_valueless(stored, spec)):
        observer.note(note)
        stored = None
    if stored is None:
        engine.slots_for(spec.devices_per_trial)
        runs = options.runs or DEFAULT_RUNS
        queue = settings_to_start_from(spec, database)
        refuse_foreign_folder(runs, spec.name, None)
        stored = StoredStudy(database, create_study(spec, database, runs, queue=queue), spec)
        return _search(stored, spec.trials, options, engine, observer)
    check_compatible(stored.spec, spec)
    spec = spec.continuing(stored.spec)
    budget = spec.trials
    if stored.spec.trials == spec.trials and spec.trials is not None:
        # A budget raised by --trials or --add stays; one lowered by --trials was for one run.
        budget = max(spec.trials, stored.study.user_attrs.get(BUDGET) or 0)
    stored = StoredStudy(database, stored.study, spec)
    return _search(stored, budget, options, engine, observer)


def resume_study(
    stored: StoredStudy, options: RunOptions, engine: PreparedEngine, observer: Observer
) -> SearchOutcome:
    """Continues a study from the database alone; its file is not needed.

    Raises:
        InputError: something given is wrong, or the data are; nothing was trained.
        SearchError: the database or the disk failed; what was trained is kept.
    """
    budget = stored.study.user_attrs.get(BUDGET)
    return _search(stored, budget, options, engine, observer)


def _search(
    stored: StoredStudy,
    budget: int | None,
    options: RunOptions,
    engine: PreparedEngine,
    observer: Observer,
) -> SearchOutcome:
    stop = StopRequest()
    study, spec = stored.study, stored.spec
    slots = engine.slots_for(spec.devices_per_trial)
    timeout_s = options.timeout_s if options.timeout_s is not None else spec.timeout_s
    with _owning(stored) as lease, WriteBehindQueue(stored.database.engine, lease) as writes:
        check_unchanged(stored, (runs := find_runs(study, options.runs)) / stored.name)
        folder = _claim(study, runs, observer)
        trials = _budget(budget, options, stored.count(), spec)
        queue, accept = new_settings(study, spec), options.accept_changes
        # A finished study is shown under any code; only new trials must be comparable with the
        # others.
        is_done = _is_done(stored, trials, len(queue))
        environment = 0 if is_done else check_environment(study, spec, accept, engine.call)
        describe_study(study, spec, runs, trials)
        enqueue(study, queue)
        record = stored.record(known := stored.trials())
        buffered = buffer_writes(study, writes, known, record.contradictions)
        _announce(record, [slot.name for slot in slots], observer)
        if not is_done:
            inbox = Inbox(stored.database.engine, stored.row)
            setup = SearchSetup(
                spec,
                folder,
                budget=trials,
                deadline=time.monotonic() + timeout_s if timeout_s else None,
                seeds={t.number: t.attributes[SEED] for t in record.trials if SEED in t.attributes},
                study_id=record.id,
                trials=record.trials,
                stop=stop,
                accept_changes=options.accept_changes,
                commands=inbox,
            )
            with stop_on_signals(stop), inbox, responsive(), _adding(stored, options, runs, budget):
                writer = StudyWriter(buffered, spec, environment, folder)
                started = engine.start(_workload(spec, folder, observer))
                apart = not isinstance(started, InlineEngine)
                setup = replace(setup, rehearse=apart and _is_untried(stored, record))
                Coordinator(setup, writer, writes, started, observer).run()
        write_owner(study, folder)
    final = stored.record(trials_of(buffered))
    observer.closed(final)
    error = "" if stop.reason in ("", ASKED, *SIGNALS.values()) else stop.reason
    return SearchOutcome(final, interrupted=bool(stop.urgency) and not error, error=error)


def _claim(study: Study, runs: Path, observer: Observer) -> Path:
    is_damaged = owner_fault(runs / study.study_name) == "damaged"
    folder = claim_folder(study, runs)
    if is_damaged:
        observer.note(
            f"{folder / OWNER_FILE} was damaged and is written again; the records of the trials"
            " say that the folder is this study's"
        )
    return folder


def _announce(record: StudyRecord, slots: list[str], observer: Observer) -> None:
    observer.opened(record, slots)
    if record.contradictions:
        observer.note(record.contradiction_words)


@contextmanager
def _owning(stored: StoredStudy) -> Iterator[Lease]:
    """Owns the study inside the block; a database failure there becomes one sentence."""
    name = stored.name
    try:
        with stored.own() as lease:
            yield lease
    except (StorageInternalError, SQLAlchemyError, DatabaseUnavailableError) as error:
        raise SearchError(
            f"the database {redact(stored.database.url)} could not be written: {reason_of(error)}."
            f" What was trained is kept; fix this, then: hpsearch resume {name}"
        ) from error


def _budget(stored: int | None, options: RunOptions, there: int, spec: StudySpec) -> int | None:
    """Returns how many trials the study may have in all, including those there are.

    Raises:
        InputError: trials are added to a whole grid.
    """
    budget = options.trials if options.trials is not None else stored
    budget = (budget or there) + options.add if options.add else budget
    size = grid_size(spec)
    if options.add and size is not None and there >= size:
        raise InputError(
            f"{spec.name} has a trial for each setting of its grid ({size}) already: leave out"
            " --add, or search a wider grid in a study of another name"
        )
    return min(filter(None, (budget, size)), default=None)


@contextmanager
def _adding(
    stored: StoredStudy, options: RunOptions, runs: Path, budget: int | None
) -> Iterator[None]:
    """Takes added trials back if nothing can be trained: the same command may follow."""
    try:
        yield
    except InputError:
        if options.add:
            describe_study(stored.study, stored.spec, runs, budget)
        raise


def _is_done(stored: StoredStudy, budget: int | None, queued: int) -> bool:
    """Returns whether every trial that the study may have is finished.

    Args:
        stored: the study.
        budget: its trials in all; None for no limit.
        queued: how many settings are about to be added.
    """
    finished = stored.count(*(state for state in TrialState if state.is_finished()))
    budget = 0 if stored.epochs_are_spent else budget
    return budget is not None and finished >= max(budget, stored.count() + queued)


def _workload(spec: StudySpec, folder: Path, observer: Observer) -> Workload:
    modules, where = class_modules(spec.document), (spec.import_paths, folder)
    return Workload(modules, spec.document, *where, observer.note, spec.devices_per_trial)


def _is_untried(stored: StoredStudy, record: StudyRecord) -> bool:
    """Returns whether no trial has yet shown that the study's trials can be trained."""
    if CONFIRMS in stored.study.user_attrs:
        return False
    return not any(trial.values_by_epoch for trial in record.trials)
