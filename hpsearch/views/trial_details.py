"""One trial in full: what `hpsearch show` and `hpsearch best` print."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from hpsearch.search.results import StudyRecord, TrialRecord
from hpsearch.views import numbers
from hpsearch.views.durations import spell
from hpsearch.views.leaderboard import STYLES
from hpsearch.views.sparkline import sparkline

_CURVE = 60
# Shown in places of their own, or told by `time` and `weights` already.
_OWN_PLACES = ("failure", "traceback", "parameters", "best_parameters", "best_seconds")


def trial_details(study: StudyRecord, trial: TrialRecord) -> Group:
    """Returns a trial's result, parameters, curve, attempts, and why it failed if it did."""
    parts: list[RenderableType] = [
        Text.assemble(
            (f"{study.name}, trial {trial.number}", "bold"),
            "  ",
            (trial.state, STYLES[trial.state]),
        ),
        _pairs(_result(study, trial)),
    ]
    if trial.params:
        params = {name: _exact(value) for name, value in trial.params.items()}
        parts += [Text(), Text("parameters", style="bold"), _pairs(params)]
    if trial.values_by_epoch:
        parts += [Text(), *_curve(study, trial)]
    if trial.attempts:
        parts += [Text(), _attempts(trial)]
    if trial.state == "failed" or "failure" in trial.attributes:
        failure = trial.attributes.get("failure") or "no reason on record"
        parts += [Text(), Text(f"failure: {failure}", style="red")]
        parts += [Text(str(trial.attributes["traceback"]).rstrip())] * (
            "traceback" in trial.attributes
        )
    return Group(*parts)


def _result(study: StudyRecord, trial: TrialRecord) -> dict[str, str]:
    values = trial.values or (None,) * len(study.objectives)
    rows = {name: numbers.metric(v) for name, v in zip(study.objectives, values, strict=True)}
    rows["time"] = spell(trial.seconds)
    rows["device"] = trial.device or "-"
    rows["checkpoint"] = trial.checkpoint or "-"
    if "parameters" in trial.attributes:
        rows["weights"] = f"{trial.attributes['parameters']:,}"
    facts = {
        name.replace("_", " "): numbers.metric(value) if isinstance(value, float) else str(value)
        for name, value in trial.attributes.items()
        if isinstance(value, (str, int, float)) and value != "" and name not in _OWN_PLACES
    }
    return rows | facts


def _exact(value: Any) -> str:
    return str(value) if isinstance(value, float) else numbers.setting(value)


def _pairs(rows: Mapping[str, str]) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in rows.items():
        grid.add_row(Text(f"  {name}"), Text(value))
    return grid


def _curve(study: StudyRecord, trial: TrialRecord) -> list[RenderableType]:
    curve = sorted(trial.values_by_epoch.items())
    low, high = min(value for _, value in curve), max(value for _, value in curve)
    span = f"  {numbers.metric(low)} to {numbers.metric(high)}"
    return [
        Text(f"{next(iter(study.objectives))} after each epoch", style="bold"),
        Text("  " + sparkline([value for _, value in curve], _CURVE) + span),
        Text("  " + "  ".join(f"{step}: {numbers.metric(value)}" for step, value in curve)),
    ]


def _attempts(trial: TrialRecord) -> Table:
    columns = list(dict.fromkeys(key for attempt in trial.attempts for key in attempt))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column("attempt", justify="right", no_wrap=True)
    for name in columns:
        table.add_column(Text(name.replace("_", " ")))
    for index, attempt in enumerate(trial.attempts, start=1):
        cells = (attempt.get(name) for name in columns)
        table.add_row(str(index), *(Text("-" if cell is None else str(cell)) for cell in cells))
    return table
