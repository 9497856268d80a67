"""The learning curves of all trials, and of the best one alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hpsearch.measure.report import ReportData
from hpsearch.search.store import TrialRecord
from hpsearch.views import formatting
from hpsearch.views.report import plots
from hpsearch.views.report.blocks import Block, Figure, Section

_MOST_CURVES = 250
_LEGEND = "A click on a name in the legend hides or shows those trials."
_STATES = ("complete", "pruned", "failed", "running", "paused", "waiting")


def curves(data: ReportData) -> Section | None:
    """Returns every trial's values by epoch, the pruned ones marked where they ended."""
    trials = [trial for trial in data.study.trials if trial.values_by_epoch]
    if not trials:
        return None
    parts: list[Block] = [_all_trials(data, trials)]
    parts += _winner(data)
    return Section("Learning curves", parts)


def _all_trials(data: ReportData, trials: Sequence[TrialRecord]) -> Figure:
    drawn, unit = plots.thinned(trials, _MOST_CURVES), data.study.unit
    traces = []
    for state in _STATES:
        runs = [_run(trial, unit) for trial in drawn if trial.state == state]
        if runs:
            color = plots.STATE_COLORS[state]
            traces.append(plots.lines(runs, color=color, name=state, opacity=0.6))
    pruned = [_run(trial, unit)[-1] for trial in drawn if trial.state == "pruned"]
    if pruned:
        cross = {"symbol": "x", "size": 7, "opacity": 1}
        traces.append(plots.points(pruned, color=plots.ORANGE, marker=cross, name="pruned here"))
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


def _winner(data: ReportData) -> list[Block]:
    """Returns the best trial's metrics in training and in validation, a drawing for each pair."""
    by_epoch, best = data.winner_metrics, data.study.best
    if not by_epoch or best is None:
        return []
    logged = {name for metrics in by_epoch.values() for name in metrics}
    kinds = sorted(name.removeprefix("val_") for name in logged if name.startswith("val_"))
    paired = [kind for kind in kinds if f"train_{kind}" in logged]
    return [_pair(kind, by_epoch, best.number, data.study.unit) for kind in paired]


def _pair(kind: str, by_epoch: Mapping[int, Mapping[str, float]], number: int, unit: str) -> Figure:
    traces = []
    for split, color in (("train", plots.BLUE), ("val", plots.RED)):
        name = f"{split}_{kind}"
        run = [
            (epoch, plots.short(metrics[name]), f"{name}\n{unit} {epoch}: {metrics[name]:.4g}")
            for epoch, metrics in sorted(by_epoch.items())
            if name in metrics
        ]
        traces.append(plots.lines([run], color=color, width=2, name=name, mode="lines+markers"))
    return plots.figure(
        f"{kind} of the best trial, {number}",
        traces,
        x=plots.whole_axis(unit, max(by_epoch)),
        y=plots.axis(kind),
    )
