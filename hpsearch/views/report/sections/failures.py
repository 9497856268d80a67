"""Why trials failed, by class of failure."""

from __future__ import annotations

from collections.abc import Sequence

from hpsearch.search.store import TrialRecord
from hpsearch.views.report.blocks import Paragraph, Section, Table
from hpsearch.views.report.data import ReportData

_MOST_NUMBERS = 8
_LONGEST = 300


def failures(data: ReportData) -> Section | None:
    """Returns each class of failure with its trials and what the last of them said."""
    classes: dict[str, list[TrialRecord]] = {}
    for trial in data.study.trials:
        if trial.state == "failed":
            classes.setdefault(class_of(_reason(trial)), []).append(trial)
    if not classes:
        return None
    ordered = sorted(classes.items(), key=lambda item: -len(item[1]))
    rows = [
        (name, str(len(trials)), _numbers(trials), _reason(trials[-1])[:_LONGEST])
        for name, trials in ordered
    ]
    study = data.study
    head = ("class", "how many", "trials", "what the last one said")
    words = f"`hpsearch show {study.name} {ordered[0][1][-1].number}` shows a failure in full."
    return Section(
        "Failures", [Table(head, rows, left=("class", "trials", head[-1])), Paragraph(words)]
    )


def class_of(reason: str) -> str:
    """Returns what failures of one kind have in common: the exception, or the opening words.

    >>> class_of("OutOfMemoryError: tried to allocate 2 GiB")
    'OutOfMemoryError'
    """
    if "out of memory" in reason.lower():
        return "out of memory"
    head, colon, _ = reason.partition(":")
    if colon and " " not in head:
        return head
    return " ".join(reason.split()[:5])


def _reason(trial: TrialRecord) -> str:
    return str(trial.attributes.get("failure") or "no reason on record")


def _numbers(trials: Sequence[TrialRecord]) -> str:
    shown = ", ".join(str(trial.number) for trial in trials[:_MOST_NUMBERS])
    return shown + (", ..." if len(trials) > _MOST_NUMBERS else "")
