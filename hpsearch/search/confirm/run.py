"""From a search to an honest figure: train again, rank, evaluate the test split once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import optuna

from hpsearch.engines import bridge
from hpsearch.engines.factory import prepare_engine
from hpsearch.engines.slots import Slot, find_slots
from hpsearch.engines.subprocess_call import run_in_subprocess
from hpsearch.errors import InputError, SearchError
from hpsearch.protocol.job import Job
from hpsearch.search.compatible import check_environment
from hpsearch.search.confirm.finalists import Confirmation, choose_finalists, rank_finalists
from hpsearch.search.confirm.record import describe
from hpsearch.search.confirm.study import enqueue_finalists
from hpsearch.search.confirm.test_log import (
    FinalTest,
    begin_evaluation,
    end_evaluation,
    find_result,
    withdraw_evaluation,
)
from hpsearch.search.coordinator import Observer
from hpsearch.search.model import model_job
from hpsearch.search.options import RunOptions
from hpsearch.search.run import SearchOutcome, resume_study
from hpsearch.search.store import StoredStudy, StudyRecord
from hpsearch.search.store.keys import CONFIRMATION, CONFIRMS, ID, RUNS, SEED
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
    search: StoredStudy, options: ConfirmOptions, run: RunOptions, observer: Observer
) -> ConfirmResult:
    """Trains the best trials again, ranks them, and tests the model of the chosen one.

    Continues a confirmation that was cut short. One that is done is reported again, with the
    result that its test split gave when it was opened.

    Args:
        search: the study whose trials are confirmed.
        options: how many trials and seeds, and what follows.
        run: where the new runs train.
        observer: watches them.

    Raises:
        InputError: there is nothing to confirm, or somebody runs the study.
        SearchError: every new run failed.
    """
    slot = find_slots(run.devices, run.per_device)[0]
    study = search.study
    if CONFIRMS in study.user_attrs:
        original = study.user_attrs[CONFIRMS]
        raise InputError(f"{search.name} is a confirmation; hpsearch confirm {original}")
    record = search.record()
    finalists = choose_finalists(record, options.top)
    with _owning(search):
        check_environment(study, search.spec, accept_changes=run.accept_changes)
        runs = run.runs or Path(record.runs)
        again = enqueue_finalists(search, finalists, options.seeds, runs)
    training = _train(again, run, observer)
    if training.interrupted or training.error:
        return ConfirmResult(training)
    looks = (study.user_attrs.get(CONFIRMATION) or {}).get("looks", ())
    confirmation = rank_finalists(record, training.study.trials, finalists, options.seeds, looks)
    if not confirmation.chosen.runs:
        raise SearchError(
            f"every new run failed, so nothing is confirmed; hpsearch status {again.name}"
        )
    job = _model_job(confirmation, training.study, again.spec, slot)
    with _owning(search):
        call: Call = bridge.call if run.engine == "inline" else run_in_subprocess
        final_test = _evaluation(study, confirmation, job, options.again, call)
        refit = None
        if options.refit and not final_test.refused:
            job = replace(job, folder=str(Path(record.runs) / search.name / REFIT))
            refit = call("hpsearch.trial.refit:refit", job, confirmation.epochs)
        found = _write(study, describe(confirmation, final_test, refit))
    return ConfirmResult(training, found, final_test.refused)


@contextmanager
def _owning(stored: StoredStudy) -> Iterator[None]:
    """Keeps every other process from running, or confirming, the search inside the block."""
    lease = stored.own()
    try:
        yield
    finally:
        lease.release()


def _train(again: StoredStudy, run: RunOptions, observer: Observer) -> SearchOutcome:
    """Runs what is left of the finalists' new runs."""
    record = again.record()
    if record.state == "done":
        return SearchOutcome(record, interrupted=False, error="")
    options = replace(run, trials=None, add=None, timeout_s=None)
    with prepare_engine(run) as engine:
        return resume_study(again, options, engine, observer)


def _evaluation(
    study: optuna.Study, confirmation: Confirmation, job: Job, again: bool, call: Call
) -> FinalTest:
    """Returns what the chosen model gives on the test split, or why that was not opened."""
    try:
        return _open_test_split(study, confirmation, job, again, call)
    except InputError as error:
        return FinalTest(refused=str(error))


def _write(study: optuna.Study, record: dict[str, Any]) -> dict[str, Any]:
    """Writes what was found; a refit of the same model, made earlier, stays."""
    earlier = study.user_attrs.get(CONFIRMATION) or {}
    if record["refit"] is None and earlier.get("model") == record["model"]:
        record = {**record, "refit": earlier["refit"]}
    study.set_user_attr(CONFIRMATION, record)
    return record


def _open_test_split(
    study: optuna.Study, confirmation: Confirmation, job: Job, again: bool, call: Call
) -> FinalTest:
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
        return FinalTest(known)
    evaluation = begin_evaluation(
        study, trial=trial, seed=seed, checkpoint=run.checkpoint, sha256=sha256, again=again
    )
    facts = {
        "folder": str(Path(study.user_attrs[RUNS]).parent),
        "search": study.user_attrs[ID],
        "study": study.study_name,
        "trial": trial,
        "sha256": sha256,
        "again": again,
    }
    try:
        test = "hpsearch.trial.final_test:run_final_test"
        result = call(test, job, evaluation.reason, facts)
    except SearchError as error:
        result = {"failure": str(error)}
    if "missing" in result:
        withdraw_evaluation(study)
        return FinalTest(missing=result["missing"])
    return FinalTest(end_evaluation(study, result))


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
