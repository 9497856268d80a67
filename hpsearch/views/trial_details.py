"""One trial in full: what `hpsearch show` and `hpsearch best` print."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from hpsearch.search.attributes import FAILURE, FAILURE_KIND, TRACEBACK
from hpsearch.search.results import StudyRecord, TrialRecord
from hpsearch.views import numbers
from hpsearch.views.attempts import attempts_table
from hpsearch.views.durations import spell
from hpsearch.views.leaderboard import STYLES
from hpsearch.views.sparkline import sparkline

_CURVE = 60
# Shown in places of their own, or told by `time` and `weights` already.
_FAILED_AT = "failed_at"
_OF_FAILURE = (FAILURE, FAILURE_KIND, _FAILED_AT, TRACEBACK)
_OWN_PLACES = (*_OF_FAILURE, "parameters", "best_parameters", "best_seconds")


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
        count = len(trial.attempts)
        title = f"{count} attempt{'s' * (count > 1)}"
        parts += [Text(), Text(title, style="bold"), attempts_table(trial)]
    if trial.state == "failed" or FAILURE in trial.attributes:
        parts += [Text(), *_failure(trial)]
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


def _failure(trial: TrialRecord) -> list[RenderableType]:
    known = trial.attributes
    reason = known.get(FAILURE) or "no reason on record"
    places = {"kind": known.get(FAILURE_KIND), "place": _place(trial)}
    parts: list[RenderableType] = [Text(f"failure: {reason}", style="red")]
    if any(places.values()):
        parts.append(_pairs({name: str(place) for name, place in places.items() if place}))
    if known.get(TRACEBACK):
        parts.append(Text(_legible(str(known[TRACEBACK]))))
    return parts


def _legible(traceback: str) -> str:
    """Returns the tail of a traceback without the lines that only underline."""
    lines = [line for line in traceback.splitlines() if line.strip(" ^~")]
    cut = lines[0].startswith(" ")
    return "\n".join(["  ..."] * cut + lines)


def _place(trial: TrialRecord) -> str | None:
    """Returns where the trial failed; of one whose process could not say so, after which epoch."""
    if _FAILED_AT in trial.attributes:
        return str(trial.attributes[_FAILED_AT])
    done = max(trial.values_by_epoch, default=0)
    return f"after epoch {done}" if done else None
