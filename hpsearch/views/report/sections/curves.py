"""The learning curves of all trials, and of one alone: the best, or whichever is chosen."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hpsearch.measure.report import ReportData
from hpsearch.protocol.metrics import split_apart
from hpsearch.search.store import TrialRecord
from hpsearch.views import formatting
from hpsearch.views.ranking import latest_value, leading, ranked
from hpsearch.views.report import plots
from hpsearch.views.report.blocks import Block, Figure, Section, TrialCurves

_MOST_CURVES = 250
_MOST_STEPS = 300
_MOST_KINDS = 6
_SPLITS = {"train": plots.BLUE, "val": plots.RED}
_LEGEND = "A name above the figure hides or shows those trials."
# A curve of one epoch has no line: its end must be seen.
_MARKS = {"pruned": "x", "paused": "circle-open"}
_STATES = ("complete", "pruned", "failed", "running", "paused", "waiting")


def curves(data: ReportData) -> Section | None:
    """Returns every trial's values by epoch, the pruned ones marked where they ended."""
    trials = [trial for trial in data.study.trials if trial.values_by_epoch]
    if not trials:
        return None
    parts: list[Block] = [_all_trials(data, trials)]
    parts += _chosen(data)
    return Section("Learning curves", parts)


def _all_trials(data: ReportData, trials: Sequence[TrialRecord]) -> Figure:
    drawn, unit = plots.thinned(trials, _MOST_CURVES), data.study.unit
    traces = []
    for state in _STATES:
        runs = [_run(trial, unit) for trial in drawn if trial.state == state]
        if runs:
            color = plots.STATE_COLORS[state]
            traces.append(plots.lines(runs, color=color, name=state, opacity=0.85))
    for state, symbol in _MARKS.items():
        ends = [_run(trial, unit)[-1] for trial in drawn if trial.state == state]
        if ends:
            color, mark = plots.STATE_COLORS[state], {"symbol": symbol, "size": 7, "opacity": 1}
            traces.append(plots.points(ends, color=color, marker=mark, name=f"{state} here"))
    best = data.study.best
    if best is not None and best.values_by_epoch:
        traces.append(
            plots.lines(
                [_run(best, unit)], color=plots.RED, width=3, name=f"best: trial {best.number}"
            )
        )
    values = [value for trial in drawn for value in trial.values_by_epoch.values()]
    return plots.figure(
        f"{data.objective} after each {unit}",
        traces,
        x=plots.whole_axis(unit, max(max(trial.values_by_epoch) for trial in drawn)),
        y=plots.axis(data.objective, **plots.framed(values, data.direction)),
        note=_LEGEND * (len(traces) > 1) + plots.thinned_note(len(drawn), len(trials)),
        wide=True,
        height=460,
    )


def _run(trial: TrialRecord, unit: str) -> list[plots.Vertex]:
    return [
        (
            epoch,
            plots.short(value),
            f"trial {trial.number}, {trial.state}\n{unit} {epoch}: {formatting.metric(value)}",
        )
        for epoch, value in sorted(trial.values_by_epoch.items())
    ]


def _chosen(data: ReportData) -> list[Block]:
    """Returns the curves of whichever trial the reader chooses, a drawing for each metric."""
    known = {trial.number: _curves(data, trial) for trial in data.study.trials}
    names = {name for curves in known.values() for name in curves}
    kinds = _kinds(names, data.objective)
    trials = ranked([t for t in data.study.trials if known[t.number]], data.direction)
    best = data.study.best or leading(data.study)
    trials.sort(key=lambda trial: best is None or trial.number != best.number)
    if not kinds or not trials:
        return []
    drawn = {trial.number: _of_trial(data, trial, known[trial.number], kinds) for trial in trials}
    note = (
        "Choose a trial here, or click on its point in any figure. Training values include the"
        " effect of dropout and augmentation."
    )
    options = {trial.number: _words(trial) for trial in trials}
    curves = {"unit": data.study.unit, "kinds": kinds, "trials": drawn}
    return [TrialCurves(options, curves, note)]


def _curves(data: ReportData, trial: TrialRecord) -> Mapping[str, Mapping[int, float]]:
    """Returns each metric by epoch; of a trial whose files are gone, the first objective's."""
    if trial.number not in data.metrics:
        return {data.objective: trial.values_by_epoch} if trial.values_by_epoch else {}
    curves: dict[str, dict[int, float]] = {}
    for epoch, metrics in data.metrics[trial.number].items():
        for name, value in metrics.items():
            curves.setdefault(name, {})[epoch] = value
    return curves


def _kinds(names: Iterable[str], objective: str) -> dict[str, list[dict[str, str]]]:
    """Returns the metrics of training and of validation, each pair by what it has in common."""
    kinds: dict[str, list[dict[str, str]]] = {}
    for name in sorted(names):
        split, kind = split_apart(name)
        if split:
            kinds.setdefault(kind, []).append({"name": name, "color": _SPLITS[split]})
        elif name == objective:
            kinds[name] = [{"name": name, "color": _SPLITS["val"]}]
    ordered = sorted(kinds, key=lambda kind: (-len(kinds[kind]), kind))
    return {kind: kinds[kind] for kind in ordered[:_MOST_KINDS]}


def _of_trial(
    data: ReportData,
    trial: TrialRecord,
    curves: Mapping[str, Mapping[int, float]],
    kinds: Mapping[str, Sequence[Mapping[str, str]]],
) -> dict[str, Any]:
    steps = plots.thinned(
        sorted({step for curve in curves.values() for step in curve}), _MOST_STEPS
    )
    names = [one["name"] for series in kinds.values() for one in series]
    return {
        "words": formatting.one_line(trial.params, data.names, between=", "),
        "steps": steps,
        "curves": {
            name: [_number(curves[name].get(step)) for step in steps]
            for name in names
            if name in curves
        },
    }


def _number(value: float | None) -> float | None:
    return plots.short(value) if value is not None and math.isfinite(value) else None


def _words(trial: TrialRecord) -> str:
    return f"trial {trial.number}: {formatting.metric(latest_value(trial))}, {trial.state}"
