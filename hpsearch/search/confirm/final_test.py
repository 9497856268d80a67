"""Opens the test split once for one model: recorded beforehand, and refused for a second model."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import optuna

from hpsearch.classes.components import class_modules
from hpsearch.engines import bridge
from hpsearch.engines.subprocess_call import subprocesses
from hpsearch.errors import InputError, SearchError
from hpsearch.protocol.job import Job
from hpsearch.search.confirm.test_log import (
    FinalTest,
    begin_evaluation,
    end_evaluation,
    find_result,
    withdraw_evaluation,
)
from hpsearch.search.options import RunOptions
from hpsearch.search.store.keys import ID, RUNS
from hpsearch.studyfile.study import StudySpec

Call = Callable[..., Any]


def calls(run: RunOptions, spec: StudySpec) -> AbstractContextManager[Call]:
    """Returns the context of calls into the training wing: in this process if trials run in it.

    Args:
        run: where trials run.
        spec: the study whose classes the calls need.
    """
    if run.engine == "inline":
        return nullcontext(bridge.call)
    return subprocesses(class_modules(spec.document), spec.document, spec.import_paths)


@dataclass(frozen=True)
class ModelToTest:
    """The model that the test split is opened for.

    Attributes:
        what: in words, such as `trial 7`.
        trial: number of the search's trial whose setting it has; for an ensemble, that of its
            first member.
        seed: number of the confirmation's seed that it was trained with; 0 for the search's own.
        checkpoints: paths of its weights; None for a missing one.
        by: the command that opens the split.
        function: the function of the training wing that tests it.
        arguments: of that function, after the job, the reason and the facts.
        counts: the weight of each checkpoint in it.
    """

    what: str
    trial: int
    seed: int
    checkpoints: Sequence[str | None]
    by: str = "confirm"
    function: str = "hpsearch.trial.final_test:run_final_test"
    arguments: Sequence[Any] = field(default=())
    counts: Sequence[int] = (1,)


def evaluate_once(
    study: optuna.Study, model: ModelToTest, job: Job, *, again: bool, call: Call
) -> FinalTest:
    """Returns a model's result on the test split, or why the split was not opened.

    Args:
        study: the search.
        model: the model.
        job: the job that trained it; for an ensemble, its first member.
        again: whether the split may be opened a second time for another model.
        call: calls into the training wing.
    """
    try:
        return _open_test_split(study, model, job, again, call)
    except InputError as error:
        return FinalTest(refused=str(error))


def _open_test_split(
    study: optuna.Study, model: ModelToTest, job: Job, again: bool, call: Call
) -> FinalTest:
    """Returns the model's result on the test split, which is opened unless it was before.

    Raises:
        InputError: it was opened for another model before, or this model is missing.
    """
    paths = [path for path in model.checkpoints if path is not None]
    if len(paths) < len(model.checkpoints):
        raise InputError(f"there is no best.ckpt in {job.folder}: the model to test is gone")
    sha256 = _hash(paths, model.counts)
    known = find_result(study, sha256)
    if known is not None and not again:
        return FinalTest(known)
    evaluation = begin_evaluation(
        study,
        what=model.what,
        by=model.by,
        trial=model.trial,
        seed=model.seed,
        checkpoint=paths[0],
        sha256=sha256,
        again=again,
    )
    facts: Mapping[str, Any] = {
        "folder": str(Path(study.user_attrs[RUNS]).parent),
        "search": study.user_attrs[ID],
        "study": study.study_name,
        "trial": model.trial,
        "what": model.what,
        "sha256": sha256,
        "again": again,
    }
    try:
        result = call(model.function, job, evaluation.reason, facts, *model.arguments)
    except SearchError as error:
        result = {"failure": str(error)}
    if "missing" in result:
        withdraw_evaluation(study)
        return FinalTest(missing=result["missing"])
    return FinalTest(end_evaluation(study, result))


def _hash(paths: Sequence[str], counts: Sequence[int]) -> str:
    """Returns the SHA-256 of a checkpoint; for several, of their hashes and weights."""
    found = []
    for path in paths:
        with Path(path).open("rb") as file:
            found.append(hashlib.file_digest(file, "sha256").hexdigest())
    if len(found) == 1:
        return found[0]
    lines = (f"{count} {sha256}" for count, sha256 in zip(counts, found, strict=True))
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()
