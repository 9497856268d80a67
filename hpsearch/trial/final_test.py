"""The final test: a trained model, evaluated on a test split that played no part in its choice."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from hpsearch.data import TestSplitClosedError
from hpsearch.data.test_access import evaluations_of, record_evaluation, recorded_by_caller
from hpsearch.protocol.job import Job
from hpsearch.trial.causes import whole_line
from hpsearch.trial.fingerprint import fingerprint_test_rows
from hpsearch.trial.progress import samples_of
from hpsearch.trial.speedups.overrides import overrides
from hpsearch.trial.trained_model import build, evaluate, find_best

Change = Callable[[pl.LightningModule], None]

_BRIEFLY = ("opened", "reason", "study", "trial", "what", "metrics")
_MOST_EARLIER = 20


class CountExamples(pl.Callback):
    """Counts the examples of a test, as far as its batches tell.

    Attributes:
        examples: how many there were.
    """

    def __init__(self) -> None:
        self.examples = 0

    def on_test_batch_end(self, *arguments: Any, **named: Any) -> None:
        """Adds the examples of a batch."""
        batch = named.get("batch", arguments[3])
        self.examples += samples_of(batch)


@dataclass(frozen=True)
class TestEvaluation:
    """Where an evaluation is recorded, and of which model.

    Attributes:
        folder: the folder with the log of all test-set evaluations.
        search: the search's id.
        study: its name.
        trial: number of the trial whose setting is evaluated.
        sha256: of the model's checkpoint.
        again: whether another model of the search may have been evaluated on the same images.
        what: is evaluated, in words.
    """

    folder: str
    search: str
    study: str
    trial: int
    sha256: str
    again: bool
    what: str = ""

    @property
    def facts(self) -> dict[str, Any]:
        """The entry in the log."""
        return {key: value for key, value in vars(self).items() if key not in ("folder", "again")}


def run_final_test(
    job: Job,
    reason: str,
    evaluation: Mapping[str, Any] | None = None,
    other_runs: Sequence[str] = (),
    change: Change | None = None,
) -> dict[str, Any]:
    """Tests the model of the job's best checkpoint on the test split of its data.

    Other runs of the same setting are tested at the same time, for the mean over its seeds.

    The evaluation is recorded beforehand, under the test images' fingerprint. Images that cannot be
    read, or have other classes, are detected before that.

    Args:
        job: the run that trained the model; its folder holds the checkpoint.
        reason: why the split is opened; passed to the data module's `open_test_split`, if it has
            one.
        evaluation: the fields of a `TestEvaluation`; without them, nothing is recorded.
        other_runs: their jobs, as JSON.
        change: called with the module before it is tested, to make it return the average of
            several.

    Returns:
        `metrics` (by name), `examples` (count, 0 if unknown), `images` (the fingerprint, empty if
        unknown), `earlier`, other evaluations on the same images, and `other_runs`, for each its
        `metrics` or the `failure`; or only `failure`, one line, if there is no result; or
        `missing`, what has no test, if the split was not opened.
    """
    try:
        with recorded_by_caller():
            record = None if evaluation is None else TestEvaluation(**evaluation)
            return _test(job, reason, record, other_runs, change)
    except Exception as error:
        return {"failure": whole_line(error)}


def _test(
    job: Job,
    reason: str,
    evaluation: TestEvaluation | None,
    other_runs: Sequence[str],
    change: Change | None,
) -> dict[str, Any]:
    best = find_best(job)
    module, data = build(job)
    if missing := _missing(module, data):
        return {"missing": missing}
    if change is not None:
        change(module)
    _open(data, reason)
    images = fingerprint_test_rows(module if data is None else data)

    def measure() -> dict[str, Any]:
        found = _measure(job, module, data, best)
        return {**found, "other_runs": [_test_other(Job.from_json(o), reason) for o in other_runs]}

    if evaluation is None or not images:
        return {**measure(), "images": images, "earlier": []}
    folder, facts = Path(evaluation.folder), {"reason": reason, **evaluation.facts}
    known = evaluations_of(folder, images)
    _refuse_second_look(known, evaluation)
    token = record_evaluation(folder, images, facts)
    found = measure()
    record_evaluation(folder, images, facts | found, token)
    earlier = [_brief(one) for one in known if one.get("search") != evaluation.search]
    return {**found, "images": images, "earlier": earlier[-_MOST_EARLIER:]}


def _test_other(job: Job, reason: str) -> dict[str, Any]:
    """Returns another run's `metrics`, or its `failure`: the result of the model stands."""
    try:
        best = find_best(job)
        module, data = build(job)
        _open(data, reason)
        return {"metrics": evaluate("test", job, module, data, best)}
    except Exception as error:
        return {"failure": whole_line(error)}


def _open(data: Any, reason: str) -> None:
    if hasattr(data, "open_test_split"):
        data.open_test_split(reason)


def _missing(module: Any, data: Any) -> str:
    """Returns which part of a test is missing, in words; empty if none is."""
    rows = module if data is None else data
    for part, hook in ((module, "test_step"), (rows, "test_dataloader")):
        if not overrides(part, hook):
            return f"{type(part).__name__} has no {hook}"
    return ""


def _brief(evaluation: Mapping[str, Any]) -> dict[str, Any]:
    return {key: evaluation[key] for key in _BRIEFLY if key in evaluation}


def _refuse_second_look(known: Sequence[Mapping[str, Any]], evaluation: TestEvaluation) -> None:
    """Refuses a search whose folder records an evaluation that its database does not."""
    for one in known if not evaluation.again else ():
        same = one.get("search") == evaluation.search
        if same and one.get("metrics") and one.get("sha256") != evaluation.sha256:
            raise TestSplitClosedError(
                f"this test data was opened at {one['opened']} for"
                f" {one.get('what') or 'trial {}'.format(one['trial'])} of this search, but"
                " its database has no record of it; --again opens it again and records it"
            )


def _measure(job: Job, module: Any, data: Any, best: Path) -> dict[str, Any]:
    count = CountExamples()
    metrics = evaluate("test", job, module, data, best, count)
    return {"metrics": metrics, "examples": count.examples}
