"""Compares a trial in the database with its own record, `events.jsonl`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from hpsearch.protocol import events
from hpsearch.protocol.events import best_report
from hpsearch.protocol.job import Identity
from hpsearch.protocol.messages import Ended, Report
from hpsearch.protocol.metrics import best_facts
from hpsearch.protocol.types import Direction, primary
from hpsearch.search.fsck.problem import Problem, Repair
from hpsearch.search.store import (
    STATES,
    Mutation,
    is_whole,
    trial_attribute,
    trial_state,
    value_after,
)
from hpsearch.search.store.keys import CURVE, FAILURE_KIND, PAUSED_AT

Objectives = Mapping[str, Direction]
_ENDS = {
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "failed": TrialState.FAIL,
    "stopped": TrialState.WAITING,
}


@dataclass(frozen=True)
class Record:
    """A trial's record, and how much of it cannot be read.

    Attributes:
        reports: in the order they were written; a repeated epoch occurs twice.
        damaged: how many lines are damaged or missing.
        ended: how it ended; None if it has not.
        proved: whether it names the trial as its owner; records of version 0.1.0 do not.
    """

    reports: tuple[Report, ...]
    damaged: int
    ended: Ended | None = None
    proved: bool = False

    @property
    def overrules(self) -> bool:
        """Whether it is complete and the trial's own, so that it is right if the two differ."""
        return self.proved and not self.damaged


def read_record(
    path: Path, objectives: Objectives, identity: Identity | None = None
) -> Record | None:
    """Returns a trial's own record; None if the file does not exist."""
    if not path.is_file():
        return None
    found = events.read_record(path, identity)
    reports = tuple(report for report in found.reports if is_whole(report, objectives))
    # The line after a damaged one counts it as missing, too.
    damaged = max(found.damaged, found.missing) + found.foreign + len(found.reports) - len(reports)
    return Record(reports, damaged, found.ended, found.proved)


def check_trial(trial: FrozenTrial, record: Record | None, objectives: Objectives) -> list[Problem]:
    """Returns what is wrong with a trial in the database, compared with its record.

    Args:
        trial: the trial in the database; no living process runs it.
        record: the trial's own record.
        objectives: metric names and directions.
    """
    known = record or Record((), 0)
    # The right state brings the right value with it.
    of_state = check_end(trial, record, objectives) or [
        *_check_state(trial, known),
        *_check_values(trial, known, objectives),
    ]
    return [
        *of_state,
        *_check_record(trial, record),
        *_check_reports(trial, known, objectives),
        *check_attributes(trial, record, objectives),
    ]


def check_end(trial: FrozenTrial, record: Record | None, objectives: Objectives) -> list[Problem]:
    """Returns a problem if a finished trial's state differs from its record."""
    if record is None or record.damaged or not trial.state.is_finished():
        return []
    ended = record.ended
    # A process that is killed, hangs or pauses does not record an end.
    unrecorded = (
        trial.user_attrs.get(FAILURE_KIND) == "out of memory" or PAUSED_AT in trial.user_attrs
    )
    if ended is None:
        if trial.state == TrialState.FAIL or unrecorded:
            return []
        text = f"it is {_word(trial.state)} in the database, and its record has no end"
        return [_of(trial, "state", f"{text}: believe the record")]
    wanted = _ENDS[ended.how]
    if ended.failure_kind == "out of memory":
        wanted = TrialState.PRUNED
    if wanted == trial.state:
        return []
    best = best_report(record.reports, *primary(objectives))
    values = [float(best.values[name]) for name in objectives] if best else None
    if wanted == TrialState.COMPLETE and values is None:
        return []
    times = trial.datetime_start, trial.datetime_complete
    kept = values if wanted == TrialState.COMPLETE else None
    change = trial_state(trial.number, wanted, kept, *times)
    text = f"it is {_word(trial.state)} in the database, and {_word(wanted)} in its record"
    return [_of(trial, "state", text, Repair(f"make it {_word(wanted)} again", (change,)))]


def check_attributes(
    trial: FrozenTrial, record: Record | None, objectives: Objectives
) -> list[Problem]:
    """Returns the attributes of a finished trial that differ from its record."""
    if record is None or record.damaged or record.ended is None or not trial.state.is_finished():
        return []
    wanted = dict(record.ended.facts)
    best = best_report(record.reports, *primary(objectives))
    if best is not None:
        wanted |= best_facts(best.metrics)
    stored = trial.user_attrs
    changed = {
        key: value for key, value in wanted.items() if key in stored and stored[key] != value
    }
    return [
        _of(
            trial,
            "attribute",
            f"{key} is {stored[key]} in the database, {value} in its record",
            Repair(
                "write what the record says",
                (trial_attribute(trial.number, key, value, system=False),),
            ),
        )
        for key, value in changed.items()
    ]


def curve_of(trial: FrozenTrial) -> dict[int, float]:
    """Returns a trial's values by epoch, from the database."""
    curve = trial.user_attrs.get(CURVE) or trial.intermediate_values
    return {int(step): value for step, value in curve.items()}


def _check_state(trial: FrozenTrial, record: Record) -> list[Problem]:
    if trial.state == TrialState.RUNNING:
        text = "no process runs it any more: resume continues it"
        return [_of(trial, "unfinished", text, info_only=True)]
    expected = trial.user_attrs.get(FAILURE_KIND) in ("out of memory", "infeasible")
    if trial.state == TrialState.PRUNED and not (expected or curve_of(trial) or record.reports):
        return [_of(trial, "reports", "it is pruned, and there is no report to prune it by")]
    return []


def _check_values(trial: FrozenTrial, record: Record, objectives: Objectives) -> list[Problem]:
    if trial.state != TrialState.COMPLETE:
        return []
    # An unreadable line may have held the best value.
    best = None if record.damaged else best_report(record.reports, *primary(objectives))
    expected = [float(best.values[name]) for name in objectives] if best else None
    if trial.values is None or len(trial.values) != len(objectives):
        repair = _write_values(trial, expected) if expected else None
        return [_of(trial, "value", "it is complete, and has no value", repair)]
    if expected is not None and list(trial.values) != expected:
        stored, said = _numbers(trial.values), _numbers(expected)
        text = f"its value is {stored}, but the best in its record is {said}"
        repair = _write_values(trial, expected) if record.overrules else None
        return [_of(trial, "value", text, repair)]
    return []


def _check_record(trial: FrozenTrial, record: Record | None) -> list[Problem]:
    stored = curve_of(trial)
    if record is None:
        if not stored:
            return []
        text = f"its record is gone: its {_count(len(stored), 'report')} cannot be compared"
        return [_of(trial, "record", text, info_only=True)]
    found = []
    if record.damaged:
        text = f"left out of its record: {_count(record.damaged, 'damaged line')}"
        found.append(_of(trial, "record", text, info_only=True))
    unsaid = stored.keys() - {report.step for report in record.reports}
    if unsaid:
        text = f"{_reports(unsaid)} in the database alone, not in its record"
        found.append(_of(trial, "record", text, info_only=True))
    return found


def _check_reports(trial: FrozenTrial, record: Record, objectives: Objectives) -> list[Problem]:
    stored, metric = curve_of(trial), primary(objectives)[0]
    said: dict[int, list[float]] = {}
    for report in record.reports:
        said.setdefault(report.step, []).append(report.values[metric])
    # The database keeps the first value of an epoch that was trained again.
    missing = {step: values[0] for step, values in said.items() if step not in stored}
    found = []
    if missing:
        text = f"{_reports(missing)} in its record, not in the database"
        if trial.state.is_finished():
            changes = _write_reports(trial, missing, several=len(objectives) > 1)
            repair = Repair("write them into the database", changes)
            found.append(_of(trial, "reports", text, repair))
        else:
            text += ": resume writes them"
            found.append(_of(trial, "reports", text, info_only=True))
    for step in sorted(stored.keys() & said.keys()):
        if stored[step] not in said[step]:
            text = f"report {step} is {stored[step]} in the database, {said[step][0]} in its record"
            several = len(objectives) > 1
            changes = _write_reports(trial, {step: said[step][0]}, several=several)
            right = Repair("write what the record says", changes) if record.overrules else None
            found.append(_of(trial, "reports", text, right))
    return found


def _write_values(trial: FrozenTrial, values: list[float]) -> Repair:
    times = trial.datetime_start, trial.datetime_complete
    change = trial_state(trial.number, trial.state, values, *times)
    return Repair(f"write {_numbers(values)}, the best in its record", (change,))


def _write_reports(
    trial: FrozenTrial, missing: Mapping[int, float], *, several: bool
) -> tuple[Mutation, ...]:
    if not several:
        return tuple(value_after(trial.number, step, value) for step, value in missing.items())
    curve = {str(step): value for step, value in {**curve_of(trial), **missing}.items()}
    return (trial_attribute(trial.number, CURVE, curve, system=False),)


def _of(
    trial: FrozenTrial,
    kind: Any,
    text: str,
    repair: Repair | None = None,
    *,
    info_only: bool = False,
) -> Problem:
    return Problem(kind, f"trial {trial.number}", text, repair, info_only)


def _reports(steps: Iterable[int]) -> str:
    """Returns `report 3 is`, `reports 3 to 7 are`, `reports 1, 4 are`."""
    ordered = sorted(steps)
    if len(ordered) == 1:
        return f"report {ordered[0]} is"
    if ordered[-1] - ordered[0] == len(ordered) - 1:
        return f"reports {ordered[0]} to {ordered[-1]} are"
    return f"reports {', '.join(map(str, ordered))} are"


def _word(state: TrialState) -> str:
    return STATES[state]


def _numbers(values: Iterable[float]) -> str:
    return ", ".join(str(value) for value in values)


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
