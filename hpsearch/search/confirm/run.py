"""From a search to an honest result: train again, rank, evaluate the test split once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import optuna

from hpsearch.engines.factory import PreparedEngine, prepare_engine
from hpsearch.engines.slots import Slot, find_slots
from hpsearch.errors import InputError, SearchError
from hpsearch.protocol.job import Job
from hpsearch.protocol.types import FINALISTS
from hpsearch.search.compatible import check_environment
from hpsearch.search.confirm.boundary import SeedPlan
from hpsearch.search.confirm.final_test import Call, ModelToTest, calls, evaluate_once
from hpsearch.search.confirm.finalists import Confirmation, choose_finalists, rank_finalists
from hpsearch.search.confirm.intervals import MIN_PAIRS
from hpsearch.search.confirm.record import describe
from hpsearch.search.confirm.study import enqueue_finalists
from hpsearch.search.coordinator import Observer
from hpsearch.search.model import model_job
from hpsearch.search.options import RunOptions
from hpsearch.search.run import SearchOutcome, resume_study
from hpsearch.search.store import StoredStudy, StudyRecord
from hpsearch.search.store.keys import CONFIRMATION, CONFIRMS, SEED
from hpsearch.studyfile.study import StudySpec

REFIT = "refit"


@dataclass(frozen=True)
class ConfirmOptions:
    """Options of a confirmation.

    Attributes:
        top: how many of the best trials are finalists.
        seeds: how many seeds each is trained with.
        again: whether the test split may be opened a second time.
        refit: whether to train the chosen setting on all data at the end.
        max_seeds: the most seeds, if they are added one by one until the first finalist beats the
            second; None for no more than `seeds`.
    """

    top: int = FINALISTS
    seeds: int = 5
    again: bool = False
    refit: bool = False
    max_seeds: int | None = None

    @property
    def plan(self) -> SeedPlan | None:
        """The planned looks at the data; None if there is only one.

        Raises:
            InputError: there is nothing to plan.
        """
        if self.max_seeds is None:
            return None
        if self.max_seeds <= self.seeds or self.seeds < MIN_PAIRS or self.top < 2:
            raise InputError(
                f"--max-seeds {self.max_seeds} with --seeds {self.seeds} and --top {self.top}: to"
                " add seeds until the first trial beats the second, --max-seeds must be above"
                f" --seeds, --seeds {MIN_PAIRS} or more, and --top 2 or more"
            )
        return SeedPlan(self.seeds, self.max_seeds)


@dataclass(frozen=True)
class ConfirmResult:
    """The result of a confirmation.

    Attributes:
        training: how the new runs ended.
        record: the findings as given by `describe`; None if the runs are not done.
        refused: why the test split was not opened; empty if it was, now or earlier.
    """

    training: SearchOutcome
    record: dict[str, Any] | None = None
    refused: str = ""


def confirm_study(
    search: StoredStudy,
    options: ConfirmOptions,
    run: RunOptions,
    observer: Observer,
    engine: PreparedEngine | None = None,
) -> ConfirmResult:
    """Trains the best trials again, ranks them, and tests the model of the chosen one.

    Continues an interrupted confirmation. For a finished one, returns its results again, with the
    test result from when the split was opened.

    Args:
        search: the study whose trials are confirmed.
        options: how many trials and seeds, and what to do afterwards.
        run: where the new runs train.
        observer: shows their progress.
        engine: for the new runs, if it was prepared early; the caller ends it.

    Raises:
        InputError: there is nothing to confirm, or another process runs the study.
        SearchError: every new run failed.
    """
    slot = find_slots(run.devices, run.per_device)[0]
    study = search.study
    if CONFIRMS in study.user_attrs:
        original = study.user_attrs[CONFIRMS]
        raise InputError(f"{search.name} is a confirmation; hpsearch confirm {original}")
    early = [engine] if engine else []
    with ExitStack() as stack:
        get_ready = cache(lambda: stack.enter_context(calls(run, search.spec)))

        def begin() -> AbstractContextManager[PreparedEngine]:
            prepared = nullcontext(early.pop()) if early else prepare_engine(run)
            # Loads what the test needs while the runs still train.
            get_ready()
            return prepared

        again, training, confirmation = _train_and_rank(search, options, run, observer, begin)
        if confirmation is None:
            return ConfirmResult(training)
        if not confirmation.chosen.runs:
            raise SearchError(
                f"every new run failed, so nothing is confirmed; hpsearch status {again.name}"
            )
        jobs, call = _jobs_of_chosen(confirmation, training.study, again.spec, slot), get_ready()
        stack.enter_context(search.own())
        found, refused = _test(search, confirmation, options, jobs, call)
        return ConfirmResult(training, found, refused)


def _test(
    search: StoredStudy,
    confirmation: Confirmation,
    options: ConfirmOptions,
    jobs: Sequence[Job],
    call: Call,
) -> tuple[dict[str, Any], str]:
    """Tests the chosen model, and trains its setting on all data if asked to.

    Args:
        search: the search.
        confirmation: its confirmation.
        options: whether to test again, and to train on all data.
        jobs: those of the chosen setting's runs, the model's first.
        call: calls into the training wing.

    Returns:
        The findings, which it writes, and why the test split was not opened.
    """
    job, *others = jobs
    study, model = search.study, _model_to_test(confirmation, others)
    final_test = evaluate_once(study, model, job, again=options.again, call=call)
    refit = None
    if options.refit and not final_test.refused:
        job = replace(job, folder=str(Path(job.folder).parent.parent / search.name / REFIT))
        refit = call("hpsearch.trial.refit:refit", job, confirmation.epochs)
    return _write(study, describe(confirmation, final_test, refit)), final_test.refused


def _train_and_rank(
    search: StoredStudy,
    options: ConfirmOptions,
    run: RunOptions,
    observer: Observer,
    begin: Callable[[], AbstractContextManager[PreparedEngine]],
) -> tuple[StoredStudy, SearchOutcome, Confirmation | None]:
    """Trains the finalists with each seed and, if planned, adds seeds until the result is clear.

    Returns:
        The study of the new runs, how they ended, and their ranking; None if they are not done.
    """
    record, plan = search.record(), options.plan
    finalists = choose_finalists(record, options.top)
    looks = (search.study.user_attrs.get(CONFIRMATION) or {}).get("looks", ())
    seeds = options.seeds
    while True:
        with search.own():
            check_environment(search.study, search.spec, run.accept_changes)
            again = enqueue_finalists(search, finalists, seeds, run.runs or Path(record.runs))
        training = _train(again, run, observer, begin)
        if training.interrupted or training.error:
            return again, training, None
        trials = training.study.trials
        confirmation = rank_finalists(record, trials, finalists, seeds, looks, plan)
        pair, looks = confirmation.comparison, confirmation.looks
        if plan is None or pair is None or pair.beats or seeds == plan.most:
            return again, training, confirmation
        seeds += 1


def _train(
    again: StoredStudy,
    run: RunOptions,
    observer: Observer,
    begin: Callable[[], AbstractContextManager[PreparedEngine]],
) -> SearchOutcome:
    """Runs the remaining new runs of the finalists, if there are any."""
    record = again.record()
    if record.state == "done":
        return SearchOutcome(record, interrupted=False, error="")
    options = replace(run, trials=None, add=None, timeout_s=None)
    with begin() as engine:
        return resume_study(again, options, engine, observer)


def _write(study: optuna.Study, record: dict[str, Any]) -> dict[str, Any]:
    """Writes the findings; keeps an earlier refit of the same model."""
    earlier = study.user_attrs.get(CONFIRMATION) or {}
    if record["refit"] is None and earlier.get("model") == record["model"]:
        record = {**record, "refit": earlier["refit"]}
    study.set_user_attr(CONFIRMATION, record)
    return record


def _model_to_test(confirmation: Confirmation, others: Sequence[Job]) -> ModelToTest:
    """Returns the chosen model, for the test split to be opened, and the setting's other runs."""
    seed, run = confirmation.model
    number = confirmation.chosen.trial.number
    arguments = ([job.to_json() for job in others],)
    return ModelToTest(f"trial {number}", number, seed, (run.checkpoint,), arguments=arguments)


def _jobs_of_chosen(
    confirmation: Confirmation, confirmation_study: StudyRecord, spec: StudySpec, slot: Slot
) -> list[Job]:
    """Returns the jobs that trained the chosen setting, the model's first, on a slot from here."""
    _, model = confirmation.model
    others = [run for run in confirmation.chosen.runs.values() if run.number != model.number]
    return [
        replace(
            model_job(confirmation_study, spec, run),
            seed=run.attributes[SEED],
            device=slot.device,
            threads=slot.threads,
        )
        for run in (model, *others)
    ]
