"""When each slot trained which trial, and the training and idle times that follow from that."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hpsearch.search.store import StudyRecord, TrialRecord


@dataclass(frozen=True)
class TrialInterval:
    """A trial in a slot, from its start there to its end.

    Attributes:
        how: how it ended: a trial's state, `interrupted`, or what became of its process.
    """

    slot: str
    number: int
    start: datetime
    end: datetime
    how: str


def trial_intervals(study: StudyRecord, now: datetime) -> list[TrialInterval]:
    """Returns every attempt of every trial, by its start; one that runs lasts until `now`."""
    found = [interval for trial in study.trials for interval in _of_trial(trial, now)]
    return sorted(found, key=lambda interval: interval.start)


def wall_seconds(some: Iterable[TrialInterval]) -> float:
    """Returns how long at least one trial was training; pauses between sessions do not count."""
    return sum((end - start).total_seconds() for start, end in _merged(some))


def idle_seconds(some: Sequence[TrialInterval], slot: str) -> float:
    """Returns how long the slot had nothing to train while another one had."""
    return wall_seconds(some) - wall_seconds(one for one in some if one.slot == slot)


def _of_trial(trial: TrialRecord, now: datetime) -> Iterable[TrialInterval]:
    for attempt in trial.attempts:
        start = _moment(attempt.get("started"))
        if start is None:
            continue
        end = _moment(attempt.get("ended"))
        if end is None and trial.state == "running":
            end = now
        elif end is None:
            # It was killed and no time was recorded: its reports say how long it trained.
            end = start + timedelta(seconds=trial.seconds or 0.0)
        where = str(attempt.get("slot") or attempt.get("device") or "?")
        yield TrialInterval(
            where, trial.number, start, max(start, end), attempt.get("how") or trial.state
        )


def _moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.astimezone()


def _merged(some: Iterable[TrialInterval]) -> list[tuple[datetime, datetime]]:
    merged: list[tuple[datetime, datetime]] = []
    for interval in sorted(some, key=lambda one: one.start):
        if merged and interval.start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], interval.end))
        else:
            merged.append((interval.start, interval.end))
    return merged
