"""Studies and trials as JSON: what `--json` prints."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from hpsearch.protocol.types import Direction
from hpsearch.search.store import StudyRecord, TrialRecord


def to_json(document: object) -> str:
    """Returns indented JSON; a number that JSON lacks (nan, inf) becomes null."""
    return json.dumps(_plain(document), indent=2, allow_nan=False, default=str)


def study_entry(study: StudyRecord) -> dict[str, Any]:
    """Returns one entry of `list`."""
    return {
        "name": study.name,
        "state": study.state,
        "counts": study.counts,
        "failures": {kind: len(trials) for kind, trials in study.failures.items()},
        "budget": study.budget,
        "objectives": study.objectives,
        "best": _best(study),
        "owner": study.owner,
        "storage": study.storage,
        "runs": study.runs,
        "moved": study.moved,
        "last_run": study.last_run,
        "contradictions": study.contradictions,
    }


def study_status(study: StudyRecord) -> dict[str, Any]:
    """Returns what `status` shows of a study, with its trials in short."""
    entry = study_entry(study)
    name = entry.pop("name")
    return {
        "study": name,
        **entry,
        "pareto_front": [trial.number for trial in study.pareto_front],
        "confirmation": study.confirmation,
        "ensemble": study.ensemble,
        "test_evaluations": list(study.test_evaluations),
        "environments": list(study.environments),
        "speed": study.speed,
        "trials": [_brief(trial) for trial in study.trials],
    }


def trial_details(study: StudyRecord, trial: TrialRecord) -> dict[str, Any]:
    """Returns what `show` and `best` show of a trial."""
    return {
        "study": study.name,
        "number": trial.number,
        "state": trial.state,
        "params": trial.params,
        "value": _value(trial),
        "values": _values(trial, study.objectives),
        "values_by_epoch": {str(k): v for k, v in sorted(trial.values_by_epoch.items())},
        "seconds": trial.seconds,
        "device": trial.device,
        "checkpoint": trial.checkpoint,
        "attempts": list(trial.attempts),
        "attributes": trial.attributes,
        "contradiction": trial.contradiction,
    }


def _best(study: StudyRecord) -> dict[str, Any] | None:
    if study.best is None:
        return None
    return {
        "number": study.best.number,
        "value": _value(study.best),
        "values": _values(study.best, study.objectives),
        "params": study.best.params,
        "checkpoint": study.best.checkpoint,
    }


def _brief(trial: TrialRecord) -> dict[str, Any]:
    return {
        "number": trial.number,
        "state": trial.state,
        "value": _value(trial),
        "epochs": max(trial.values_by_epoch, default=0),
        "seconds": trial.seconds,
        "device": trial.device,
    }


def _value(trial: TrialRecord) -> float | None:
    return trial.values[0] if trial.values else None


def _values(trial: TrialRecord, objectives: Mapping[str, Direction]) -> dict[str, float] | None:
    return None if trial.values is None else dict(zip(objectives, trial.values, strict=True))


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    return value
