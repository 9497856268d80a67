"""Parallel coordinates: every trial a line through its parameters to its value."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hpsearch.measure.report import ReportData
from hpsearch.protocol.types import Scalar, sign_of
from hpsearch.search.store import TrialRecord
from hpsearch.studyfile.distributions import Choice, Distribution
from hpsearch.views import formatting
from hpsearch.views.report import plots
from hpsearch.views.report.basis import basis_label, basis_words, how_far, value_words
from hpsearch.views.report.blocks import Figure, Section

_MOST_LINES = 240
_MOST_AXES = 12
# Share of the trials, from the worst on, that each band ends at; drawn in this order.
_BANDS = (
    (0.5, "worse half", plots.GREY),
    (0.8, "better", plots.BLUE),
    (1.0, "best fifth", plots.RED),
)


def parallel(data: ReportData) -> Section | None:
    """Returns the drawing; None before two trials and two parameters can be compared."""
    names = [name for name in data.parameters if any(name in t.params for t in data.compared)]
    if len(names) < 2 or len(data.compared) < 2:
        return None
    return Section("Parallel coordinates", [_figure(data, names[:_MOST_AXES])])


def height_of(value: Scalar, distribution: Distribution) -> float:
    """Returns the position of a value between the smallest (0) and the largest (1) of its range."""
    if isinstance(distribution, Choice):
        last = len(distribution.options) - 1
        return distribution.options.index(value) / last if last else 0.5
    assert isinstance(value, int | float)
    low, high = distribution.bounds()
    if low == high:
        return 0.5
    if distribution.log:
        return math.log(value / low) / math.log(high / low)
    return (value - low) / (high - low)


def _figure(data: ReportData, names: Sequence[str]) -> Figure:
    sign = sign_of(data.direction)
    best_first = sorted(data.compared, key=lambda trial: -sign * data.compared_value(trial))
    drawn = plots.thinned(best_first, _MOST_LINES)[::-1]
    values = [data.compared_value(trial) for trial in drawn]
    low, high = min(values), max(values)
    runs: list[list[list[plots.Vertex]]] = [[] for _ in _BANDS]
    for place, trial in enumerate(drawn):
        share = (place + 1) / len(drawn)
        band = next(index for index, (end, _, _) in enumerate(_BANDS) if share <= end)
        height = (data.compared_value(trial) - low) / (high - low) if high > low else 0.5
        words = f"{how_far(trial, data.study.unit)}\n{value_words(data, trial)}"
        runs[band].append(
            [*_vertices(data, names, trial, words), (len(names), plots.short(height), words)]
        )
    traces = [
        plots.lines(
            run, color=color, width=1.5, mode="lines+markers", marker={"size": 4}, name=name
        )
        for run, (_, name, color) in zip(runs, _BANDS, strict=True)
        if run
    ]
    labels = [data.names[name] for name in names] + [basis_label(data, data.objective)]
    bounds = [_bounds(data.parameters[name]) for name in names]
    bounds.append((formatting.metric(low), formatting.metric(high)))
    return plots.figure(
        "each line is a trial, from its parameters to its value",
        traces,
        x=plots.axis("", tickvals=list(range(len(labels))), ticktext=labels, showgrid=True),
        y=plots.axis("", visible=False, range=[-0.12, 1.12]),
        note="The best fifth is highlighted. Each axis spans its range, on a log scale where the"
        f" study file says so. {basis_words(data)}".rstrip()
        + plots.thinned_note(len(drawn), len(best_first))
        + plots.left_out_note(len(names), len(data.parameters)),
        wide=True,
        height=460,
        annotations=[
            {"x": place, "y": y, "text": text, "showarrow": False, "font": {"size": 11}}
            for place, pair in enumerate(bounds)
            for y, text in zip((-0.07, 1.07), pair, strict=True)
        ],
    )


def _vertices(
    data: ReportData, names: Sequence[str], trial: TrialRecord, words: str
) -> list[plots.Vertex]:
    """Returns the trial's line; a parameter that its branch lacks breaks it."""
    return [
        (
            place,
            plots.short(height_of(trial.params[name], data.parameters[name])),
            f"{words}\n{data.names[name]} {formatting.setting(trial.params[name])}",
        )
        if name in trial.params
        else (place, None, "")
        for place, name in enumerate(names)
    ]


def _bounds(distribution: Distribution) -> tuple[str, str]:
    if isinstance(distribution, Choice):
        options = [formatting.setting(option) for option in distribution.options]
        first, *_, last = formatting.cut_apart([options[0], options[-1]], plots.LONGEST_LABEL)
        return first, last
    low, high = distribution.bounds()
    return f"{low:g}", f"{high:g}"
