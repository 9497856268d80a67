"""The value of each trial against each of its parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hpsearch.measure.report import ReportData, value_of, value_until_stopped
from hpsearch.protocol.types import Scalar
from hpsearch.search.store import TrialRecord
from hpsearch.studyfile.distributions import Choice, Distribution
from hpsearch.views import formatting
from hpsearch.views.ranking import epochs_done
from hpsearch.views.report import plots
from hpsearch.views.report.blocks import Figure, Paragraph, Section

_MOST_FIGURES = 16
_EARLY_TO_LATE = ((0, "--early"), (0.5, "--violet"), (1, plots.RED))
_MOST_SIZES = 6
_SMALLEST, _STEP = 5, 2


def slices(data: ReportData) -> Section | None:
    """Returns a drawing for each parameter, the most important one first."""
    having_value = (*data.complete, *data.stopped)
    searched = {
        name: distribution
        for name, distribution in data.parameters.items()
        if any(name in trial.params for trial in having_value)
    }
    if not searched:
        return None
    drawn = list(searched.items())[:_MOST_FIGURES]
    complete = plots.thinned(data.complete)
    stopped = plots.thinned(data.stopped, max(plots.MOST_POINTS - len(complete), 2))
    words = (
        f"{data.objective} against each parameter; early trials"
        " are pale blue, late ones red, so a red cluster is where the search went."
        + _stopped_words(data)
        + plots.thinned_note(len(complete) + len(stopped), len(having_value))
        + plots.left_out_note(len(drawn), len(searched))
    )
    figures = [_figure(data, complete, stopped, name, dist) for name, dist in drawn]
    return Section("Slices", [Paragraph(words), *figures])


def place_of(value: Scalar, distribution: Distribution) -> Scalar:
    """Returns a value's place on the parameter's axis: options are placed by name."""
    if isinstance(distribution, Choice):
        return str(value)
    return plots.short(value) if isinstance(value, float) else value


def _stopped_words(data: ReportData) -> str:
    """Returns how to read the trials that are not complete; empty if there are none."""
    if not data.stopped:
        return ""
    sizes = ": the smaller, the earlier" * (len(_stops(data.stopped, data.study.unit)) > 1)
    return (
        f" Filled points are complete trials ({len(data.complete):,}); hollow ones"
        f" ({len(data.stopped):,}) were pruned or are paused, with their best value until"
        f" then{sizes}. Compare only those that trained equally long."
    )


def _stops(trials: Sequence[TrialRecord], unit: str) -> dict[str, list[TrialRecord]]:
    """Returns the stopped trials by when they stopped, the earliest first; together if too many."""
    found: dict[int, list[TrialRecord]] = {}
    for trial in trials:
        found.setdefault(epochs_done(trial), []).append(trial)
    if len(found) > _MOST_SIZES:
        return {"stopped early": list(trials)}
    return {_after(n, unit): found[n] for n in sorted(found)}


def _after(epochs: int, unit: str) -> str:
    return f"after {epochs} {unit}{'s' * (epochs != 1)}"


def _figure(
    data: ReportData,
    complete: Sequence[TrialRecord],
    stopped: Sequence[TrialRecord],
    name: str,
    distribution: Distribution,
) -> Figure:
    whole = [trial for trial in complete if name in trial.params]
    having = [trial for trial in stopped if name in trial.params]
    stops = _stops(having, data.study.unit)
    # Complete trials come last and so lie on top.
    traces = [
        _points(data, trials, name, distribution, words, _SMALLEST + _STEP * place)
        for place, (words, trials) in enumerate(stops.items())
    ]
    if whole:
        traces.append(_points(data, whole, name, distribution, "complete" * bool(stops)))
    values = [_value(data, trial) for trial in (*having, *whole)]
    return plots.figure(
        data.names[name],
        traces,
        x=plots.parameter_axis(data.names[name], distribution),
        y=plots.axis(data.objective, **plots.framed(values, data.direction)),
    )


def _points(
    data: ReportData,
    trials: Sequence[TrialRecord],
    name: str,
    distribution: Distribution,
    words: str,
    hollow: int = 0,
) -> plots.Trace:
    """Returns the points of some trials.

    Args:
        data: the study.
        trials: those to draw.
        name: of the parameter.
        distribution: its range.
        words: what they have in common; empty if it goes without saying.
        hollow: the size of hollow points; 0 for filled ones.
    """
    vertices = [
        (
            place_of(trial.params[name], distribution),
            plots.short(_value(data, trial)),
            f"trial {trial.number}{_how_it_stopped(trial, data.study.unit)}\n"
            f"{data.names[name]} {formatting.setting(trial.params[name])}\n"
            f"{formatting.metric(_value(data, trial))}",
        )
        for trial in trials
    ]
    marker: dict[str, Any] = {
        "colorscale": _EARLY_TO_LATE,
        "cmin": 0,
        "cmax": len(data.study.trials),
    }
    if hollow:
        marker |= {"symbol": "circle-open", "size": hollow}
    named = {"name": words} if words else {}
    return plots.points(vertices, color=[trial.number for trial in trials], marker=marker, **named)


def _how_it_stopped(trial: TrialRecord, unit: str) -> str:
    if trial.state == "complete":
        return ""
    return f", {trial.state} {_after(epochs_done(trial), unit)}"


def _value(data: ReportData, trial: TrialRecord) -> float:
    if trial.state == "complete":
        return value_of(trial)
    return value_until_stopped(trial, data.direction)
