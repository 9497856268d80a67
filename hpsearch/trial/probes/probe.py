"""A rehearsed configuration in figures: the cost of a whole trial."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch

from hpsearch.classes.advice import advice_on
from hpsearch.classes.source import line_in_project
from hpsearch.protocol.job import Job
from hpsearch.trial.causes import failed
from hpsearch.trial.fingerprint import data_facts
from hpsearch.trial.inference.cost import count_parameters
from hpsearch.trial.rehearsal import NotLoggedError, Rehearsal, finite, rehearse
from hpsearch.trial.stage import StageTracker

# So a rehearsal continues until a few validations have shown everything that is logged.
_LOGGED_BY_NOBODY = "hpsearch_init"


def probe(job: Job) -> dict[str, Any]:
    """Rehearses a trial and returns what it took. Writes and prints nothing.

    Returns:
        `parameters` (count), `metrics` (names logged), `seconds_per_step`, `steps_per_epoch` (0 if
        unknown), `validation_seconds` (a whole validation's), `training_batches` and `validations`
        (of a whole trial; 0 if unknown), `checkpoint_bytes`, `notes` (sentences on what is left
        out), `single_steps` (why steps are taken one at a time; empty if many at once), `data` (see
        `fingerprint.data_facts`); or `failure`, one line, if it cannot train.
    """
    where = StageTracker()
    with _silent():
        try:
            return _measure(rehearse(job, where), job)
        except (Exception, SystemExit) as error:
            return _failure(error, job, where)


def find_metrics(job: Job) -> dict[str, Any]:
    """Rehearses a trial, whatever its objectives are, and says what its validation logs.

    Returns:
        `metrics` (names logged) and `unvalidated` (why nothing is validated; empty if something
        is), or `failure`, one line, if it cannot train, and its `kind`.
    """
    where = StageTracker()
    job = replace(job, objectives={_LOGGED_BY_NOBODY: "minimize"})
    with _silent():
        try:
            return {"metrics": rehearse(job, where).metrics, "unvalidated": ""}
        except NotLoggedError as error:
            return {"metrics": error.logged, "unvalidated": error.unvalidated}
        except (Exception, SystemExit) as error:
            return _failure(error, job, where)


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Keeps what callbacks print, and bars on the standard error, off the screen of a command."""
    nowhere = io.StringIO()
    with contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
        yield


def _failure(error: BaseException, job: Job, where: StageTracker) -> dict[str, Any]:
    """Returns a failure with where in the project's code it arose, and what to write instead.

    Raises:
        KeyboardInterrupt: it is none: the command was interrupted.
    """
    ended = failed(error, job, where)
    if ended.how == "stopped":
        raise KeyboardInterrupt from error
    words = ended.failure
    if ended.traceback:
        words += f"{line_in_project(error)}{advice_on(words)}"
    return {"failure": words, "kind": ended.failure_kind}


def _measure(rehearsal: Rehearsal, job: Job) -> dict[str, Any]:
    trainer, clock = rehearsal.trainer, rehearsal.clock
    state = io.BytesIO()
    optimizers = [optimizer.state_dict() for optimizer in trainer.optimizers]
    torch.save({"weights": rehearsal.module.state_dict(), "optimizers": optimizers}, state)
    batches, validations, batches_each = rehearsal.length
    return {
        "parameters": count_parameters(rehearsal.module),
        "metrics": rehearsal.metrics,
        "notes": rehearsal.notes,
        "single_steps": rehearsal.single_steps,
        "seconds_per_step": clock.seconds_per_step(),
        "steps_per_epoch": finite(trainer.num_training_batches),
        "training_batches": finite(batches),
        "validations": finite(validations),
        "validation_seconds": clock.seconds_per_validation() * batches_each,
        "checkpoint_bytes": state.tell(),
        **_data(rehearsal, job),
    }


def _data(rehearsal: Rehearsal, job: Job) -> dict[str, Any]:
    trainer: Any = rehearsal.trainer
    data = getattr(trainer, "datamodule", None) or rehearsal.module
    arguments = (job.config.get("data") or {}).get("init_args")
    # The training is over, and its data may be gone: then a trial says what differs.
    with contextlib.suppress(Exception):
        return {"data": data_facts(trainer, data, arguments)}
    return {}
