"""All studies of a database in one table: what `hpsearch list` prints."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from hpsearch.search.results import StudyRecord
from hpsearch.views import numbers
from hpsearch.views.budget import counts_line, done

STATE_STYLES = {"running": "cyan", "done": "green", "interrupted": "yellow", "new": "dim"}


def study_list(studies: Sequence[StudyRecord]) -> Table:
    """Returns one row a study: name, state, share of the budget, best value, counts."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column("study", overflow="fold")
    table.add_column("state", no_wrap=True)
    table.add_column("done", justify="right", no_wrap=True)
    table.add_column("best", no_wrap=True)
    table.add_column("trials")
    for study in studies:
        share = f"{done(study.counts)}/{'-' if study.budget is None else study.budget}"
        table.add_row(
            Text(study.name, style="bold"),
            Text(study.state, style=STATE_STYLES[study.state]),
            Text(share),
            Text(best_words(study)),
            Text(counts_line(study.counts)),
        )
    return table


def best_words(study: StudyRecord) -> str:
    """Returns `val_accuracy 0.9931 (trial 17)`, or `-` while no trial is complete."""
    if study.best is None or study.best.values is None:
        return "-"
    named = zip(study.objectives, study.best.values, strict=True)
    words = ", ".join(f"{name} {numbers.metric(value)}" for name, value in named)
    return f"{words} (trial {study.best.number})"
