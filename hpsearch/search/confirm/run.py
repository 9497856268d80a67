"""From a search to a model with an honest figure: train again, judge, open the test split once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import RDBStorage

from hpsearch.engines import bridge
from hpsearch.engines.slots import Slot, find_slots
from hpsearch.engines.subprocess_call import run_in_subprocess
from hpsearch.errors import InputError, SearchError
from hpsearch.protocol.job import Job
from hpsearch.search.compatible import check_environment
from hpsearch.search.confirm.finalists import Confirmation, choose_finalists, rank_finalists
from hpsearch.search.confirm.record import describe
from hpsearch.search.confirm.study import enqueue_finalists
from hpsearch.search.confirm.test_log import (
    Evaluation,
    begin_evaluation,
    end_evaluation,
    find_result,
)
from hpsearch.search.coordinator import Observer
from hpsearch.search.model import model_job
from hpsearch.search.run import SearchOutcome, resume_study
from hpsearch.search.store import (
    StudyRecord,
    load_record,
    load_study,
    open_storage,
    stored_spec,
    take_lease,
)
from hpsearch.search.store.keys import CONFIRMATION, CONFIRMS, SEED
from hpsearch.studyfile.study import StudySpec

REFIT = "refit"

Call = Callable[..., Any]


@dataclass(frozen=True)
class ConfirmOptions:
    """What a confirmation is to do.

    Attributes:
        top: how many of the best trials are finalists.
        seeds: with how many seeds each is trained.
        again: whether the test split may be opened a second time.
        refit: whether the chosen setting is trained on everything at the end.
    """

    top: int = 3
    seeds: int = 5
    again: bool = False
    refit: bool = False


@dataclass(frozen=True)
class ConfirmResult:
    """How a confirmation ended.

    Attributes:
        training: how the new runs ended.
        record: what was found, as `describe` says it; None if the runs are not done.
        refused: why the test split was not opened; empty if it was, now or before.
    """

    training: SearchOutcome
    record: dict[str, Any] | None = None
    refused: str = ""


def confirm_study(
    name: str,
    options: ConfirmOptions,
    *,
    storage: str,
    runs: Path | None,
    devices: str,
    per_device: int,
    inline: bool,
    observer: Observer,
    accept_changes: bool = False,
) -> ConfirmResult:
    """Trains the best trials again, judges them, and tests the model of the chosen one.

    Goes on with a confirmation that was cut short; one that is done is told again, with the
    result that its test split gave when it was opened.

    Raises:
        InputError: there is no such study, nothing to confirm, or somebody runs the study.
        SearchError: every new run failed.
    """
    slot = find_slots(devices, per_device)[0]
    database = open_storage(storage, create=False)
    study, search = _load_search(database, name)
    finalists = choose_finalists(search, options.top)
    with _owning(database, study):
        check_environment(study, stored_spec(database, name), accept_changes=accept_changes)
        confirmation_study = enqueue_finalists(
            database, study, finalists, options.seeds, runs or Path(search.runs)
        )
    ways: dict[str, Any] = {"storage": storage, "runs": runs, "accept_changes": accept_changes}
    ways |= {"devices": devices, "per_device": per_device}
    training = _train(database, confirmation_study, inline=inline, observer=observer, **ways)
    if training.interrupted or training.fault:
        return ConfirmResult(training)
    looks = (study.user_attrs.get(CONFIRMATION) or {}).get("looks", ())
    confirmation = rank_finalists(search, training.study.trials, finalists, options.seeds, looks)
    if not confirmation.chosen.runs:
        raise SearchError(
            f"every new run failed, so nothing is confirmed; hpsearch status {confirmation_study}"
        )
    job = _model_job(confirmation, training.study, stored_spec(database, confirmation_study), slot)
    with _owning(database, study):
        folder = Path(search.runs) / name / REFIT
        return _finish(confirmation, training, study, job, folder, options, inline)


def _load_search(database: RDBStorage, name: str) -> tuple[optuna.Study, StudyRecord]:
    study = load_study(database, name)
    if CONFIRMS in study.user_attrs:
        raise InputError(f"{name} is a confirmation; hpsearch confirm {study.user_attrs[CONFIRMS]}")
    return study, load_record(database, name)


@contextmanager
def _owning(database: RDBStorage, study: optuna.Study) -> Iterator[None]:
    """Keeps every other process from running, or confirming, the search within."""
    lease = take_lease(database.engine, study._study_id, study.study_name)
    try:
        yield
    finally:
        lease.release()


def _train(database: RDBStorage, confirmation_study: str, **ways: Any) -> SearchOutcome:
    """Runs what is left of the finalists' new runs."""
    record = load_record(database, confirmation_study)
    if record.state == "done":
        return SearchOutcome(record, interrupted=False, fault="")
    return resume_study(confirmation_study, trials=None, add=None, timeout_s=None, **ways)


def _finish(
    confirmation: Confirmation,
    training: SearchOutcome,
    study: optuna.Study,
    job: Job,
    folder: Path,
    options: ConfirmOptions,
    inline: bool,
) -> ConfirmResult:
    """Tests and refits the chosen setting, and writes what was found."""
    call: Call = bridge.call if inline else run_in_subprocess
    evaluation, refused, refit = None, "", None
    try:
        evaluation = _open_test_split(study, confirmation, job, options.again, call)
    except InputError as error:
        refused = str(error)
    if options.refit and not refused:
        job = replace(job, folder=str(folder))
        refit = call("hpsearch.trial.refit:refit", job, confirmation.epochs)
    record = describe(confirmation, evaluation, refit)
    earlier = study.user_attrs.get(CONFIRMATION) or {}
    if refit is None and earlier.get("model") == record["model"]:
        record["refit"] = earlier["refit"]
    study.set_user_attr(CONFIRMATION, record)
    return ConfirmResult(training, record, refused)


def _open_test_split(
    study: optuna.Study, confirmation: Confirmation, job: Job, again: bool, call: Call
) -> Evaluation:
    """Returns what the chosen model gives on the test split, which is opened if it was not.

    Raises:
        InputError: it was opened for another model already, or this model is gone.
    """
    seed, run = confirmation.model
    trial = confirmation.chosen.trial.number
    if run.checkpoint is None:
        raise InputError(f"there is no best.ckpt in {job.folder}: the model to test is gone")
    with Path(run.checkpoint).open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    known = find_result(study, sha256)
    if known is not None and not again:
        return known
    evaluation = begin_evaluation(
        study, trial=trial, seed=seed, checkpoint=run.checkpoint, sha256=sha256, again=again
    )
    try:
        result = call("hpsearch.trial.final_test:run_final_test", job, evaluation.reason)
    except SearchError as error:
        result = {"failure": str(error)}
    return end_evaluation(study, result)


def _model_job(
    confirmation: Confirmation, confirmation_study: StudyRecord, spec: StudySpec, slot: Slot
) -> Job:
    """Returns the job that trained the chosen model, for a slot of this machine."""
    _, run = confirmation.model
    return replace(
        model_job(confirmation_study, spec, run),
        seed=run.attributes[SEED],
        device=slot.device,
        threads=slot.threads,
    )
