"""How much of a study is done, in words."""

from __future__ import annotations

from collections.abc import Mapping

from hpsearch.search.results import StudyRecord, TrialState

FINISHED: tuple[TrialState, ...] = ("complete", "pruned", "failed")


def done(counts: Mapping[TrialState, int]) -> int:
    """Returns how many trials are over, well or not."""
    return sum(counts[state] for state in FINISHED)


def to_go(study: StudyRecord) -> int | None:
    """Returns how many trials are still to be finished; None where only time bounds the study."""
    return None if study.budget is None else max(study.budget - done(study.counts), 0)


def progress_line(study: StudyRecord) -> str:
    """Returns `42 done, 18 to go`, or `42 done` where only time bounds the study."""
    rest = to_go(study)
    return f"{done(study.counts)} done" + ("" if rest is None else f", {rest} to go")


def opening_line(study: StudyRecord) -> str:
    """Returns what a search begins with, and what to do where nothing is left to train."""
    line = f"{study.name}: {progress_line(study)}"
    if to_go(study) == 0 and not study.counts["waiting"]:
        line += "; nothing to train (--add N asks for more)"
    return line


def counts_line(counts: Mapping[TrialState, int]) -> str:
    """Returns `20 complete, 21 pruned, 1 failed`, without the states no trial is in."""
    return ", ".join(f"{count} {state}" for state, count in counts.items() if count) or "no trials"
