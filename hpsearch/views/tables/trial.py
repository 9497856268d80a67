"""A trial's details and its attempts: when each ran, why it ended, and what was lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from hpsearch.protocol.types import primary
from hpsearch.search.store.keys import (
    FAILURE,
    FAILURE_KIND,
    GENERALIZATION_GAP,
    ORIGIN,
    PAUSED_AT,
    PROMOTED,
    SAMPLES_PER_S,
    TRACEBACK,
    WHOLE,
)
from hpsearch.views import formatting
from hpsearch.views.console import head_table
from hpsearch.views.curve import Curve
from hpsearch.views.formatting import decision_words, spell
from hpsearch.views.ranking import known_values
from hpsearch.views.tables.environments import change_words, environments_of
from hpsearch.views.tables.leaderboard import STYLES

if TYPE_CHECKING:
    from hpsearch.search.store import StudyRecord, TrialRecord


def attempts_table(trial: TrialRecord, unit: str = "epoch") -> Table:
    """Returns one row per attempt; a dash for what was not recorded.

    Args:
        trial: the trial.
        unit: what it reports after, `epoch` or `validation`.
    """
    table = head_table()
    table.add_column("attempt", justify="right", no_wrap=True)
    table.add_column("started", no_wrap=True)
    table.add_column("on", overflow="fold")
    table.add_column(f"{unit}s", no_wrap=True)
    table.add_column("ended")
    table.add_column("lost", no_wrap=True)
    several_hosts = len({attempt.get("host") for attempt in trial.attempts}) > 1
    for index, attempt in enumerate(trial.attempts):
        later = trial.attempts[index + 1 :]
        cells = (
            str(attempt.get("started") or "-")[: len("2026-01-01T00:00:00")].replace("T", " "),
            _place(attempt, several_hosts),
            _epochs(attempt),
            str(attempt.get("how") or "-").removeprefix("its process "),
            lost_words(attempt, later, unit),
        )
        table.add_row(str(index + 1), *map(Text, cells))
    return table


def lost_words(
    attempt: Mapping[str, Any], later: Sequence[Mapping[str, Any]], unit: str = "epoch"
) -> str:
    """Returns the work an attempt lost: `3.1s`, or `2 epochs and 3.1s`.

    Args:
        attempt: the attempt.
        later: the attempts after it; whole epochs are lost if the next one continues from fewer
            than were done, because a checkpoint was damaged.
        unit: `epoch` or `validation`.
    """
    begun = (one["from_epoch"] for one in later if one.get("from_epoch") is not None)
    done = attempt.get("epochs") or 0
    epochs = max(done - next(begun, done), 0)
    words = [formatting.counted(epochs, unit)] * bool(epochs)
    if attempt.get("lost_s") is not None:
        words.append(spell(attempt["lost_s"]))
    return " and ".join(words) or "-"


def _place(attempt: Mapping[str, Any], several_hosts: bool) -> str:
    place = str(attempt.get("slot") or attempt.get("device") or "-")
    return f"{attempt.get('host') or '?'} {place}" if several_hosts else place


def _epochs(attempt: Mapping[str, Any]) -> str:
    begun, done = attempt.get("from_epoch"), attempt.get("epochs")
    if begun is None and done is None:
        return "-"
    return f"{'?' if begun is None else begun} to {'?' if done is None else done}"


_CURVE = 40
_FAILED_AT = "failed_at"
_OF_FAILURE = (FAILURE, FAILURE_KIND, _FAILED_AT, TRACEBACK)
_LABELS = {
    GENERALIZATION_GAP: "generalization gap",
    SAMPLES_PER_S: "samples/s",
    ORIGIN: "setting from",
    WHOLE: "trained whole",
}
# Shown elsewhere, or as `time` and `weights`.
_OWN_PLACES = (*_OF_FAILURE, PAUSED_AT, "parameters")
_NO_METRICS = ("best_step", "best_parameters", "best_seconds")


def trial_details(study: StudyRecord, trial: TrialRecord) -> Group:
    """Returns a trial's result, parameters, curve and attempts, and why it failed if it did."""
    parts: list[RenderableType] = [
        Text.assemble(
            (f"{study.name}, trial {trial.number}", "bold"),
            "  ",
            (trial.state, STYLES[trial.state]),
        ),
        _pairs(_result(study, trial)),
    ]
    if trial.contradiction:
        words = f"its values are not shown: {trial.contradiction}; see hpsearch fsck {study.name}"
        parts.append(Text(words, style="red"))
    if trial.params:
        params = {name: _exact(value) for name, value in trial.params.items()}
        parts += [Text(), Text("parameters", style="bold"), _pairs(params)]
    if metrics := _metrics(trial):
        title = f"metrics of the best {study.unit}"
        parts += [Text(), Text(title, style="bold"), _pairs(metrics)]
    if trial.values_by_epoch:
        parts += [Text(), *_curve(study, trial)]
    if trial.decisions:
        parts += [Text(), Text("decisions", style="bold"), _decisions(trial, study.unit)]
    if trial.attempts:
        count = len(trial.attempts)
        title = f"{count} attempt{'s' * (count > 1)}"
        parts += [Text(), Text(title, style="bold"), attempts_table(trial, study.unit)]
    if trial.state == "failed" or FAILURE in trial.attributes:
        parts += [Text(), *_failure(trial, study.unit)]
    return Group(*parts)


def _result(study: StudyRecord, trial: TrialRecord) -> dict[str, str]:
    values = zip(study.objectives, known_values(trial, study.objectives), strict=True)
    so_far = "" if trial.values or trial.is_finished else " so far"
    rows = {name: formatting.metric(value) + so_far * (value is not None) for name, value in values}
    rows["time"] = spell(trial.seconds)
    rows["device"] = trial.device or "-"
    rows["checkpoint"] = trial.checkpoint or "-"
    if study.speed:
        rows["speed"] = f"auto took {study.speed['line'] or 'nothing'}"
    if promoted := trial.attributes.get(PROMOTED):
        several = "s" * (len(promoted) > 1)
        rows["continued"] = f"after {study.unit}{several} {', '.join(map(str, promoted))}"
    if len(study.environments) > 1:
        numbers = environments_of(trial)
        rows["trained"] = "; ".join(f"{n}: {change_words(study, n)}" for n in numbers) or "-"
    if trial.state == "paused":
        rows["paused"] = f"after {study.unit} {trial.attributes[PAUSED_AT]}"
    if "parameters" in trial.attributes:
        rows["weights"] = f"{trial.attributes['parameters']:,}"
    labels = {"best_step": f"best {study.unit}", "epochs": f"{study.unit}s", **_LABELS}
    facts = {
        labels.get(name, name.replace("_", " ")): _fact(name, value)
        for name, value in trial.attributes.items()
        if isinstance(value, (str, int, float)) and value != "" and name not in _OWN_PLACES
        if name == "best_step" or not name.startswith("best_")
    }
    return rows | facts


def _metrics(trial: TrialRecord) -> dict[str, str]:
    """Returns the metrics of the best epoch, under the names that the module logs them by."""
    return {
        name.removeprefix("best_"): _fact(name, value)
        for name, value in trial.attributes.items()
        if isinstance(value, (int, float)) and name.startswith("best_") and name not in _NO_METRICS
    }


def _fact(name: str, value: str | int | float) -> str:
    if name == SAMPLES_PER_S:
        return f"{value:,}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return formatting.metric(value) if isinstance(value, float) else str(value)


def _exact(value: Any) -> str:
    return str(value) if isinstance(value, float) else formatting.setting(value)


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
    drawn = Table.grid(padding=(0, 0, 0, 2))
    ends = dict.fromkeys((formatting.metric(low), formatting.metric(high)))
    span = Text(" to ".join(ends), no_wrap=True)
    drawn.add_row(Curve([value for _, value in curve], _CURVE), span)
    values = [Text(f"{step}: {formatting.metric(value)}", no_wrap=True) for step, value in curve]
    return [
        Text(f"{primary(study.objectives)[0]} after each {study.unit}", style="bold"),
        drawn,
        Padding(Columns(values, padding=(0, 2)), (0, 0, 0, 2)),
    ]


def _decisions(trial: TrialRecord, unit: str) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for decision in trial.decisions:
        grid.add_row(Text(f"  after {unit} {decision['step']}"), Text(decision_words(decision)))
    return grid


def _failure(trial: TrialRecord, unit: str) -> list[RenderableType]:
    known = trial.attributes
    places = {
        "kind": trial.failure_kind if FAILURE_KIND in known else None,
        "place": _place_trial(trial, unit),
    }
    parts: list[RenderableType] = [Text(f"failure: {trial.failure}", style="red")]
    if any(places.values()):
        parts.append(_pairs({name: str(place) for name, place in places.items() if place}))
    if known.get(TRACEBACK):
        parts.append(Text(_legible(str(known[TRACEBACK]))))
    return parts


def _legible(traceback: str) -> str:
    """Returns the end of a traceback without the lines of markers."""
    lines = [line for line in traceback.splitlines() if line.strip(" ^~")]
    cut = lines[0].startswith(" ")
    return "\n".join(["  ..."] * cut + lines)


def _place_trial(trial: TrialRecord, unit: str) -> str | None:
    """Returns where the trial failed; if its process could not report that, after which report."""
    if _FAILED_AT in trial.attributes:
        return str(trial.attributes[_FAILED_AT])
    done = max(trial.values_by_epoch, default=0)
    return f"after {unit} {done}" if done else None
