"""The record of the test split: when it was opened, by whom, for which model, with what result."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import optuna

from hpsearch.errors import InputError
from hpsearch.search.store.keys import TEST_EVALUATIONS


@dataclass(frozen=True)
class Evaluation:
    """One test-set evaluation of a search.

    Attributes:
        opened: when, as an ISO 8601 time.
        reason: why.
        trial: number of the search's trial whose setting was measured.
        seed: number of the confirmation's seed that the model was trained with.
        checkpoint: path of the model.
        sha256: of the checkpoint.
        host: the machine.
        pid: the process.
        again: whether it was requested although the split had been opened before.
        metrics: the results; None if there are none.
        examples: how many examples were evaluated.
        failure: why there is no result.
        images: the fingerprint of the test images; empty if it is not known.
        earlier: evaluations on the same images by other studies and programs, according to the
            record in the folder.
        what: the model in words; empty in records of trials by earlier versions.
        other_runs: of the same setting, evaluated with it: for each its `metrics` or the `failure`.
    """

    opened: str
    reason: str
    trial: int
    seed: int
    checkpoint: str
    sha256: str
    host: str
    pid: int
    again: bool
    metrics: Mapping[str, float] | None = None
    examples: int = 0
    failure: str = ""
    images: str = ""
    earlier: Sequence[Mapping[str, Any]] = ()
    what: str = ""
    other_runs: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class FinalTest:
    """The outcome of a request to test a model.

    Attributes:
        evaluation: the test-set evaluation that measured it; None if there is none.
        refused: why the split was not opened.
        missing: what lacks a test, if there is no split to open.
    """

    evaluation: Evaluation | None = None
    refused: str = ""
    missing: str = ""


def evaluations_of(study: optuna.Study) -> tuple[Evaluation, ...]:
    """Returns every test-set evaluation of a search, in order."""
    return tuple(Evaluation(**fields) for fields in study.user_attrs.get(TEST_EVALUATIONS, ()))


def find_result(study: optuna.Study, sha256: str) -> Evaluation | None:
    """Returns the last evaluation with a result for exactly this model, or None."""
    seen = [one for one in evaluations_of(study) if one.metrics and one.sha256 == sha256]
    return seen[-1] if seen else None


def opened_by_another(study: optuna.Study, by: str) -> str:
    """Returns, as a sentence, that only another command than `by` has tested; empty if not so."""
    seen = [one for one in evaluations_of(study) if one.metrics]
    if not seen or any(one.reason.startswith(f"hpsearch {by} ") for one in seen):
        return ""
    return (
        f"{_opened(study.study_name, seen[-1])}, so `{by}` tests nothing, and ends with exit"
        " code 2. With --again it tests, and that is recorded"
    )


def begin_evaluation(
    study: optuna.Study,
    *,
    what: str,
    by: str,
    trial: int,
    seed: int,
    checkpoint: str,
    sha256: str,
    again: bool,
) -> Evaluation:
    """Records that the test split is opened; must be called before it is.

    An evaluation without a result (a crash, an error) stays on record but does not block another,
    since nobody has seen a result.

    Raises:
        InputError: a result was seen before, and `again` is not set.
    """
    seen = [one for one in evaluations_of(study) if one.metrics]
    if seen and not again:
        same = seen[-1].what == what  # and another of its runs, which is the median now
        other = f"its run with seed {seed}" if same else what
        raise _already_evaluated(study.study_name, seen[-1], other)
    evaluation = Evaluation(
        opened=datetime.now().astimezone().isoformat(timespec="seconds"),
        reason=f"hpsearch {by} {study.study_name}: the final figure of {what}",
        trial=trial,
        seed=seed,
        checkpoint=checkpoint,
        sha256=sha256,
        host=socket.gethostname(),
        pid=os.getpid(),
        again=bool(seen),
        what=what,
    )
    _write(study, (*evaluations_of(study), evaluation))
    return evaluation


def end_evaluation(study: optuna.Study, result: Mapping[str, Any]) -> Evaluation:
    """Writes the result of the last evaluation, or why it has none."""
    *earlier, last = evaluations_of(study)
    last = replace(last, **result)
    _write(study, (*earlier, last))
    return last


def withdraw_evaluation(study: optuna.Study) -> None:
    """Removes the last record: there is no test split, so it was not opened."""
    _write(study, evaluations_of(study)[:-1])


def _write(study: optuna.Study, test_evaluations: tuple[Evaluation, ...]) -> None:
    study.set_user_attr(TEST_EVALUATIONS, [asdict(evaluation) for evaluation in test_evaluations])


def _already_evaluated(name: str, seen: Evaluation, other: str) -> InputError:
    values = ", ".join(f"{metric} {value:.4f}" for metric, value in (seen.metrics or {}).items())
    return InputError(
        f"{_opened(name, seen)} ({values}); testing {other} as well would turn the test into a"
        " selection. To do it anyway, add --again; that is recorded, too"
    )


def _opened(name: str, seen: Evaluation) -> str:
    what = seen.what or f"trial {seen.trial}"
    return f"the test split of {name} was opened at {seen.opened} for {what}"
