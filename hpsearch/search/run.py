"""A search from its study file, or from its database alone, to its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from sqlalchemy.exc import SQLAlchemyError

from hpsearch.classes.components import class_modules
from hpsearch.engines.engine import Engine
from hpsearch.engines.forkserver_client import Server
from hpsearch.engines.inline import InlineEngine
from hpsearch.engines.local import LocalEngine
from hpsearch.engines.slots import Slot, find_slots
from hpsearch.errors import SearchError
from hpsearch.protocol.job import Job
from hpsearch.protocol.seeds import derive_seed
from hpsearch.protocol.types import Scalar
from hpsearch.search.compatible import check_compatible, check_environment, replace_valueless
from hpsearch.search.coordinator import (
    SIGNALS,
    Coordinator,
    DiskSpaceMonitor,
    Observer,
    Retention,
    StopRequest,
    TrialLimits,
    stop_on_signals,
)
from hpsearch.search.store import (
    DEFAULT_RUNS,
    DatabaseUnavailableError,
    Lease,
    StudyRecord,
    StudyWriter,
    TrialRecord,
    WriteBehindQueue,
    buffer_writes,
    claim_folder,
    create_study,
    describe_study,
    find_runs,
    grid_size,
    load_record,
    load_study,
    open_storage,
    reason_of,
    redact,
    refuse_foreign_folder,
    stored_spec,
    study_record,
    take_lease,
    trial_folder,
    trial_record,
)
from hpsearch.search.store.keys import BUDGET, SEED
from hpsearch.studyfile.study import StudySpec


@dataclass(frozen=True)
class SearchOutcome:
    """How a search ended.

    Attributes:
        study: the study as it stands now.
        interrupted: it was asked to stop by a signal, and can be resumed.
        fault: why it stopped itself; empty if it did not.
    """

    study: StudyRecord
    interrupted: bool
    fault: str


@dataclass(frozen=True)
class Limits:
    """How far one command takes a study.

    Attributes:
        trials: trials in all; None leaves what the study has.
        add: so many more than it has; None for none.
        timeout_s: seconds after which this command begins no more epochs.
        accept_changes: whether it continues under other code or versions.
    """

    trials: int | None = None
    add: int | None = None
    timeout_s: float | None = None
    accept_changes: bool = False


def run_study(
    spec: StudySpec,
    *,
    storage: str,
    runs: Path | None,
    devices: str,
    per_device: int,
    trials: int | None,
    add: int | None,
    timeout_s: float | None,
    inline: bool,
    observer: Observer,
    server: Server | None = None,
    accept_changes: bool = False,
) -> SearchOutcome:
    """Runs the study of a file: begins it, or goes on with it if the database has it.

    Raises:
        InputError: something given is wrong; nothing was trained or changed.
    """
    slots = find_slots(devices, per_device)
    database = open_storage(storage)
    timeout_s = timeout_s if timeout_s is not None else spec.timeout_s
    limits = Limits(trials, add, timeout_s, accept_changes)
    if note := replace_valueless(spec, database):
        observer.note(note)
    if spec.name not in optuna.get_all_study_names(database):
        refuse_foreign_folder(runs or DEFAULT_RUNS, spec.name, None)
        study = create_study(spec, database, runs or DEFAULT_RUNS)
        spec_budget = spec.trials
    else:
        study = load_study(database, spec.name)
        stored = stored_spec(database, spec.name)
        check_compatible(stored, spec)
        spec_budget = spec.trials
        if stored.trials == spec.trials and spec.trials is not None:
            # What --trials or --add has raised stays; what --trials has lowered was for once.
            spec_budget = max(spec.trials, study.user_attrs.get(BUDGET) or 0)
    start = partial(_engine, spec, slots, inline, server)
    return _search(study, spec, database, runs, slots, spec_budget, limits, start, observer)


def resume_study(
    name: str,
    *,
    storage: str,
    runs: Path | None,
    devices: str,
    per_device: int,
    trials: int | None,
    add: int | None,
    timeout_s: float | None,
    inline: bool,
    observer: Observer,
    server: Server | None = None,
    accept_changes: bool = False,
) -> SearchOutcome:
    """Goes on with a study from the database alone; its file is not needed.

    Raises:
        InputError: there is no such study, or something given is wrong.
    """
    slots = find_slots(devices, per_device)
    database = open_storage(storage, create=False)
    study = load_study(database, name)
    spec = stored_spec(database, name)
    timeout_s = timeout_s if timeout_s is not None else spec.timeout_s
    limits = Limits(trials, add, timeout_s, accept_changes)
    budget = study.user_attrs.get(BUDGET)
    start = partial(_engine, spec, slots, inline, server)
    return _search(study, spec, database, runs, slots, budget, limits, start, observer)


def make_job(
    spec: StudySpec,
    number: int,
    params: Mapping[str, Scalar],
    config: Mapping[str, Any],
    folder: Path,
    device: str,
    threads: int,
    seed: int | None = None,
) -> Job:
    """Returns the job of one trial of the study; its seed follows from its number if not given."""
    return Job(
        study=spec.name,
        number=number,
        params=params,
        config=config,
        objectives=spec.objectives,
        study_seed=derive_seed(spec.seed, "split"),
        seed=derive_seed(spec.seed, "trial", number) if seed is None else seed,
        folder=str(folder),
        device=device,
        threads=threads,
        import_paths=spec.import_paths,
    )


def _search(
    study: optuna.Study,
    spec: StudySpec,
    database: RDBStorage,
    runs: Path | None,
    slots: tuple[Slot, ...],
    budget: int | None,
    limits: Limits,
    start: Callable[[Path], Engine],
    observer: Observer,
) -> SearchOutcome:
    stop = StopRequest()
    with _owning(study, database) as lease, WriteBehindQueue(database.engine, lease) as writes:
        runs = find_runs(study, runs)
        folder = claim_folder(study, runs)
        budget = _budget(budget, limits, database.get_n_trials(study._study_id), spec)
        environment = check_environment(study, spec, accept_changes=limits.accept_changes)
        describe_study(study, spec, runs, budget)
        buffered = buffer_writes(study, writes)
        record = study_record(study, database, buffered.get_trials(deepcopy=False))
        observer.opened(record, [slot.name for slot in slots])
        if _to_go(record):
            seeds = {t.number: t.attributes[SEED] for t in record.trials if SEED in t.attributes}
            retention = _retention(spec, folder, record.trials)
            writer = StudyWriter(buffered, spec, environment)
            with stop_on_signals(stop):
                coordinator = Coordinator(
                    writer,
                    start(folder),
                    observer,
                    writes,
                    stop,
                    make_job=lambda number, params, config, slot: make_job(
                        *(spec, number, params, config, folder / trial_folder(number)),
                        *(slot.device, slot.threads, seeds.get(number)),
                    ),
                    record=lambda number: trial_record(writer.trial(number), folder),
                    objectives=dict(spec.objectives),
                    budget=budget,
                    limits=TrialLimits(spec.hang_timeout_s, spec.trial_timeout_s),
                    disk=DiskSpaceMonitor(folder, observer),
                    retention=retention,
                    deadline=time.monotonic() + limits.timeout_s if limits.timeout_s else None,
                )
                coordinator.run()
    final = load_record(database, spec.name)
    observer.closed(final)
    fault = "" if stop.reason in ("", *SIGNALS.values()) else stop.reason
    return SearchOutcome(final, interrupted=bool(stop.urgency) and not fault, fault=fault)


@contextmanager
def _owning(study: optuna.Study, database: RDBStorage) -> Iterator[Lease]:
    """Owns the study within; a database that fails there is told in a sentence."""
    try:
        lease = take_lease(database.engine, study._study_id, study.study_name)
        try:
            yield lease
        finally:
            lease.release()
    except (StorageInternalError, SQLAlchemyError, DatabaseUnavailableError) as error:
        raise SearchError(
            f"the database {redact(database.url)} could not be written: {reason_of(error)}. What"
            f" was trained is kept; when this is put right: hpsearch resume {study.study_name}"
        ) from error


def _budget(stored: int | None, limits: Limits, there: int, spec: StudySpec) -> int | None:
    """Returns how many trials the study may take in all, those that are there among them."""
    budget = limits.trials if limits.trials is not None else stored
    budget = (budget or there) + limits.add if limits.add else budget
    return min(filter(None, (budget, grid_size(spec))), default=None)


def _engine(
    spec: StudySpec, slots: tuple[Slot, ...], inline: bool, server: Server | None, folder: Path
) -> Engine:
    if inline:
        return InlineEngine(slots[0])
    modules, data = class_modules(spec.document), spec.document["data"]
    return LocalEngine(slots, modules, data, spec.import_paths, folder / "server.txt", server)


def _retention(spec: StudySpec, folder: Path, trials: Iterable[TrialRecord]) -> Retention:
    retention = Retention(folder, spec.objectives, spec.keep_checkpoints, spec.disk_budget)
    for trial in trials:
        retention.take(trial)
    return retention


def _to_go(record: StudyRecord) -> bool:
    finished = sum(record.counts[state] for state in ("complete", "pruned", "failed"))
    return record.budget is None or finished < record.budget or finished < len(record.trials)
