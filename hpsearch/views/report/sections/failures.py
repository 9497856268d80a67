"""Why trials failed, by kind of failure."""

from __future__ import annotations

from collections.abc import Sequence

from hpsearch.measure.report import ReportData
from hpsearch.search.store import TrialRecord
from hpsearch.views.report.blocks import Paragraph, Section, Table

_MOST_NUMBERS = 8
_LONGEST = 300


def failures(data: ReportData) -> Section | None:
    """Returns each kind of failure, counted as in `status`, with its trials and the last reason."""
    found = data.study.failures
    if not found:
        return None
    rows = [
        (kind, str(len(trials)), _numbers(trials), trials[-1].failure[:_LONGEST])
        for kind, trials in found.items()
    ]
    head = ("kind", "how many", "trials", "the last one's reason")
    last = next(iter(found.values()))[-1].number
    words = f"`hpsearch show {data.study.name} {last}` shows a failure in full."
    return Section(
        "Failures", [Table(head, rows, left=("kind", "trials", head[-1])), Paragraph(words)]
    )


def _numbers(trials: Sequence[TrialRecord]) -> str:
    shown = ", ".join(str(trial.number) for trial in trials[:_MOST_NUMBERS])
    return shown + (", ..." if len(trials) > _MOST_NUMBERS else "")
