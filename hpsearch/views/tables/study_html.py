"""A study as HTML, for a notebook: how far it is, its best, and its trials as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

from hpsearch.protocol.types import Direction, primary
from hpsearch.studyfile.document import short_names
from hpsearch.views import formatting
from hpsearch.views.formatting import sparkline
from hpsearch.views.ranking import counts_line, done, epochs_done, goal, known_values, ranked, top
from hpsearch.views.tables.study import best_words

if TYPE_CHECKING:
    from hpsearch.search.store import StudyRecord, TrialRecord, TrialState

ROWS = 10
_CURVE = 12


def study_html(study: StudyRecord, limit: int = ROWS) -> str:
    """Returns a study's state and budget, its best trial, and its first trials as a table."""
    share = progress_html(study.budget, study.counts)
    counts, best = escape(counts_line(study.counts)), escape(best_words(study))
    head = f"<p><b>{escape(study.name)}</b>: {study.state}, {share} ({counts})<br>best: {best}</p>"
    return head + trials_html(study.trials, study, limit)


def progress_html(budget: int | None, counts: Mapping[TrialState, int]) -> str:
    """Returns how much of the budget is used, as a bar and in numbers."""
    finished = done(counts)
    aim = goal(budget, counts)
    if aim is None:
        return f"{finished} done"
    bar = f'<progress value="{finished}" max="{max(aim, 1)}"></progress>'
    return f"{bar} {finished} of {aim} done"


def trials_html(trials: Sequence[TrialRecord], study: StudyRecord, limit: int = ROWS) -> str:
    """Returns a study's trials, the first of them, as a table, best first; empty if it has none.

    Args:
        trials: as they are now.
        study: whose trials they are.
        limit: rows at most.
    """
    if not trials:
        return ""
    objectives = study.objectives
    ordered = ranked(trials, primary(objectives)[1])
    shown = top(ordered, limit)
    names = short_names(name for trial in shown for name in trial.params)
    head = ("trial", *objectives, "curve", f"{study.unit}s", "state", *names.values())
    rows = [_cells(["th"] * len(head), head)]
    rows += [_row(trial, objectives, list(names)) for trial in shown]
    left_out = len(ordered) - len(shown)
    more = f"<p>and {left_out} more</p>" if left_out else ""
    return f"<table>{''.join(rows)}</table>{more}"


def _row(trial: TrialRecord, objectives: Mapping[str, Direction], names: Sequence[str]) -> str:
    curve = [value for _, value in sorted(trial.values_by_epoch.items())]
    settings = [formatting.setting(trial.params[n]) if n in trial.params else "" for n in names]
    texts = (
        str(trial.number),
        *map(formatting.metric, known_values(trial, objectives)),
        sparkline(curve, _CURVE),
        str(epochs_done(trial) or "-"),
        trial.state,
        *settings,
    )
    return _cells(["td"] * len(texts), texts)


def _cells(tags: Sequence[str], texts: Sequence[str]) -> str:
    cells = (f"<{tag}>{escape(text)}</{tag}>" for tag, text in zip(tags, texts, strict=True))
    return f"<tr>{''.join(cells)}</tr>"
