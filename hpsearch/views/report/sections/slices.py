"""The value of each trial against each of its parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hpsearch.measure.report import ReportData
from hpsearch.protocol.types import Scalar
from hpsearch.search.store import TrialRecord
from hpsearch.studyfile.distributions import Choice, Distribution
from hpsearch.views import formatting
from hpsearch.views.ranking import epochs_done
from hpsearch.views.report import plots
from hpsearch.views.report.basis import after, basis_label, basis_words, how_far, value_words
from hpsearch.views.report.blocks import Figure, Paragraph, Section

_MOST_FIGURES = 16
_EARLY_TO_LATE = ((0, "--early"), (0.5, "--violet"), (1, plots.RED))
_MOST_SIZES = 6
_SMALLEST, _STEP = 5, 2


def slices(data: ReportData) -> Section | None:
    """Returns a drawing for each parameter, the most important one first."""
    having_value = (*data.compared, *data.stopped_before)
    searched = {
        name: distribution
        for name, distribution in data.parameters.items()
        if any(name in trial.params for trial in having_value)
    }
    if not searched:
        return None
    drawn = list(searched.items())[:_MOST_FIGURES]
    compared = plots.thinned(data.compared)
    before = plots.thinned(data.stopped_before, max(plots.MOST_POINTS - len(compared), 2))
    words = (
        f"{data.objective} against each parameter; early trials"
        " are pale blue, late ones red, so a red cluster is where the search went."
        + _basis_words(data)
        + plots.thinned_note(len(compared) + len(before), len(having_value))
        + plots.left_out_note(len(drawn), len(searched))
    )
    figures = [_figure(data, compared, before, name, dist) for name, dist in drawn]
    return Section("Slices", [Paragraph(words), *figures])


def place_of(value: Scalar, distribution: Distribution) -> Scalar:
    """Returns a value's place on the parameter's axis: options are placed by name."""
    if isinstance(distribution, Choice):
        return str(value)
    return plots.short(value) if isinstance(value, float) else value


def _basis_words(data: ReportData) -> str:
    """Returns which trials can be compared, and how to read the others."""
    words = f" {basis_words(data)}".rstrip()
    if not data.stopped_before:
        return words
    sizes = ": the smaller, the earlier" * (len(_stops(data.stopped_before, data.study.unit)) > 1)
    return (
        f"{words} Hollow points are trials that stopped before, with their best value until"
        f" then{sizes}."
    )


def _stops(trials: Sequence[TrialRecord], unit: str) -> dict[str, list[TrialRecord]]:
    """Returns the stopped trials by when they stopped, the earliest first; together if too many."""
    found: dict[int, list[TrialRecord]] = {}
    for trial in trials:
        found.setdefault(epochs_done(trial), []).append(trial)
    if len(found) > _MOST_SIZES:
        return {"stopped early": list(trials)}
    return {after(n, unit): found[n] for n in sorted(found)}


def _figure(
    data: ReportData,
    compared: Sequence[TrialRecord],
    before: Sequence[TrialRecord],
    name: str,
    distribution: Distribution,
) -> Figure:
    filled = [trial for trial in compared if name in trial.params]
    hollow = [trial for trial in before if name in trial.params]
    stops = _stops(hollow, data.study.unit)
    # Those that can be compared come last and so lie on top.
    traces = [
        _points(data, trials, name, distribution, words, _SMALLEST + _STEP * place)
        for place, (words, trials) in enumerate(stops.items())
    ]
    if filled:
        epoch = data.basis.epoch
        words = after(epoch, data.study.unit) if epoch else "complete"
        traces.append(_points(data, filled, name, distribution, words * bool(stops)))
    values, others = ([*map(data.compared_value, trials)] for trials in (filled, hollow))
    return plots.figure(
        data.names[name],
        traces,
        x=plots.parameter_axis(data.names[name], distribution),
        y=plots.axis(
            basis_label(data, data.objective), **plots.framed(values, data.direction, others)
        ),
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
            plots.short(data.compared_value(trial)),
            f"{how_far(trial, data.study.unit)}\n"
            f"{data.names[name]} {formatting.setting(trial.params[name])}\n"
            f"{value_words(data, trial)}",
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
