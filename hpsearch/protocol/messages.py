"""The messages of a running trial to the coordinator, and their answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Decision = Literal["continue", "prune", "stop"]
TrialOutcome = Literal["complete", "pruned", "stopped", "failed"]
FailureKind = Literal[
    "set-up",
    "training",
    "validation",
    "teardown",
    "not finite",
    "metric",
    "out of memory",
    "resources",
    "infeasible",
    "hang",
    "time limit",
    "killed",
    "disk",
]


@dataclass(frozen=True)
class Started:
    """The trial has built its model and data and begins to train; answered with a `Decision`.

    Unless the answer is "continue", the trial ends without training.

    Attributes:
        from_epoch: epochs already done by earlier attempts; 0 for a fresh trial.
        facts: what is known once the model is built: `parameters` (count), `split` (hash of the
            validation rows), `data` (see `protocol/data_record.py`), `device`,
            `visible_devices`, `pid`.
        notes: what was wrong with the checkpoints of earlier attempts.
    """

    from_epoch: int
    facts: Mapping[str, Any]
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Progress:
    """Progress of the running epoch; sent at most a few times a second and never answered.

    Attributes:
        epoch: the running epoch, from 1.
        epochs: how many epochs the trial may take; 0 if that is not known.
        fraction: part of the running epoch that is done, 0 to 1.
        samples_per_s: training speed.
        unit: `epoch`, or `validation` if a trial's reports count those.
    """

    epoch: int
    epochs: int
    fraction: float
    samples_per_s: float
    unit: str = "epoch"


@dataclass(frozen=True)
class Report:
    """The metrics of a validation; answered with a `Decision`.

    Attributes:
        step: epochs done, from 1; or validations, if these happen within epochs.
        values: the objectives' values, by metric name.
        metrics: every metric that was logged, by name.
        seconds: training time of the trial so far, earlier attempts included.
        last: the trial has no further validation to come.
    """

    step: int
    values: Mapping[str, float]
    metrics: Mapping[str, float]
    seconds: float
    last: bool = False


@dataclass(frozen=True)
class Ended:
    """The trial is over.

    Attributes:
        how: `complete`, `pruned` and `stopped` (to be resumed later) as the decisions asked;
            `failed` if it could not continue.
        failure: one line on what went wrong; empty unless failed.
        failure_kind: where or how it failed; empty unless failed.
        traceback: the tail of the traceback; empty unless an exception ended the trial.
        fatal: every other trial would fail in the same way (no data, no compiler): the search
            should stop, and this trial is tried again once that is fixed.
        facts: what is known at the end: `best_step`, `checkpoint`, `epochs`, `seconds`,
            `failed_at`; and `needs`, the bytes that did not fit on the disk.
    """

    how: TrialOutcome
    failure: str = ""
    failure_kind: FailureKind | Literal[""] = ""
    traceback: str = ""
    fatal: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)


Message = Started | Progress | Report | Ended
_KINDS: dict[str, type[Started] | type[Progress] | type[Report] | type[Ended]] = {
    kind.__name__: kind for kind in (Started, Progress, Report, Ended)
}


def to_line(message: Message) -> str:
    """Returns the message as one line of JSON, without the line's end."""
    return json.dumps({"kind": type(message).__name__, **asdict(message)})


def from_line(line: str) -> Message:
    """Returns the message that `to_line` wrote.

    Raises:
        ValueError: the line is not a message.
    """
    try:
        fields = json.loads(line)
        return _KINDS[fields.pop("kind")](**fields)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a message of a trial: {line[:200]!r}") from error
