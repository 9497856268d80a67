"""In which order people want to see the trials of a study."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from hpsearch.measure.rungs import epochs_trained
from hpsearch.protocol.types import Direction
from hpsearch.search.store import StudyRecord, TrialRecord, TrialState

ORDER: tuple[TrialState, ...] = ("complete", "running", "waiting", "paused", "pruned", "failed")
_KEPT_FOR_OTHERS = 3

Place = tuple[int, float, int]


def latest_value(trial: TrialRecord) -> float | None:
    """Returns the trial's value of the first objective, or the last it reported."""
    if trial.values:
        return trial.values[0]
    return trial.values_by_epoch[max(trial.values_by_epoch)] if trial.values_by_epoch else None


def epochs_done(trial: TrialRecord) -> int:
    """Returns how many epochs the trial has trained."""
    return max(trial.values_by_epoch, default=0)


def place(trial: TrialRecord, direction: Direction) -> Place:
    """Returns what to sort a trial by: its state, its value, and its number among equals."""
    sign = -1.0 if direction == "maximize" else 1.0
    value = latest_value(trial)
    known = value is not None and not math.isnan(value)
    return (
        ORDER.index(trial.state),
        sign * value if known and value is not None else math.inf,
        trial.number,
    )


def ranked(trials: Sequence[TrialRecord], direction: Direction) -> list[TrialRecord]:
    """Returns the complete trials, best first, then the others by their state."""
    return sorted(trials, key=lambda trial: place(trial, direction))


def top(ordered: Sequence[TrialRecord], limit: int) -> list[TrialRecord]:
    """Returns `limit` of the ranked trials; a few places are kept for those not complete."""
    complete = [trial for trial in ordered if trial.state == "complete"]
    others = [trial for trial in ordered if trial.state != "complete"]
    kept = min(len(others), max(_KEPT_FOR_OTHERS, limit - len(complete)), limit - 1)
    return complete[: limit - kept] + others[:kept]


FINISHED: tuple[TrialState, ...] = ("complete", "pruned", "failed")


def done(counts: Mapping[TrialState, int]) -> int:
    """Returns how many trials are over, well or not."""
    return sum(counts[state] for state in FINISHED)


def to_go(study: StudyRecord) -> int | None:
    """Returns how many trials are still to be finished; None where only time bounds the study."""
    return None if study.budget is None else max(study.budget - done(study.counts), 0)


def epochs_words(study: StudyRecord) -> str:
    """Returns `312 of 500 trained`, or `312 trained` where epochs do not bound the study."""
    limit = f" of {study.epochs:,}" if study.epochs else ""
    return f"{epochs_trained(study.trials):,}{limit} trained"


def progress_line(study: StudyRecord) -> str:
    """Returns `42 done, 18 to go`, or `42 done` where only time bounds the study."""
    rest = to_go(study)
    return f"{done(study.counts)} done" + ("" if rest is None else f", {rest} to go")


def opening_line(study: StudyRecord) -> str:
    """Returns what a search begins with, and what to do where nothing is left to train."""
    line = f"{study.name}: {progress_line(study)}"
    if to_go(study) == 0 and not study.counts["waiting"] + study.counts["paused"]:
        line += "; nothing to train (--add N asks for more)"
    return line


def counts_line(counts: Mapping[TrialState, int]) -> str:
    """Returns `20 complete, 21 pruned, 1 failed`, without the states no trial is in."""
    return ", ".join(f"{count} {state}" for state, count in counts.items() if count) or "no trials"
