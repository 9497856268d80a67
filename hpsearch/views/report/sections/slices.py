"""The value of each trial against each of its parameters."""

from __future__ import annotations

from hpsearch.measure.report import ReportData, value_of
from hpsearch.protocol.types import Scalar
from hpsearch.search.store import TrialRecord
from hpsearch.studyfile.distributions import Choice, Distribution
from hpsearch.views import formatting
from hpsearch.views.report import plots
from hpsearch.views.report.blocks import Figure, Paragraph, Section

_MOST_FIGURES = 16
_EARLY_TO_LATE = ((0, "--early"), (0.5, "--violet"), (1, plots.RED))


def slices(data: ReportData) -> Section | None:
    """Returns a drawing for each parameter, the most important one first."""
    searched = {
        name: distribution
        for name, distribution in data.parameters.items()
        if any(name in trial.params for trial in data.complete)
    }
    if not searched:
        return None
    drawn = list(searched.items())[:_MOST_FIGURES]
    trials = plots.thinned(data.complete)
    words = (
        f"{data.objective} of the complete trials against each parameter; early trials"
        " are pale blue, late ones red, so a red cluster is where the search went."
        + plots.thinned_note(len(trials), len(data.complete))
        + plots.left_out_note(len(drawn), len(searched))
    )
    figures = [_figure(data, trials, name, dist) for name, dist in drawn]
    return Section("Slices", [Paragraph(words), *figures])


def place_of(value: Scalar, distribution: Distribution) -> Scalar:
    """Returns a value's place on the parameter's axis: options are placed by name."""
    if isinstance(distribution, Choice):
        return str(value)
    return plots.short(value) if isinstance(value, float) else value


def _figure(
    data: ReportData, trials: list[TrialRecord], name: str, distribution: Distribution
) -> Figure:
    having = [trial for trial in trials if name in trial.params]
    vertices = [
        (
            place_of(trial.params[name], distribution),
            plots.short(value_of(trial)),
            f"trial {trial.number}\n{data.names[name]} {formatting.setting(trial.params[name])}\n"
            f"{formatting.metric(value_of(trial))}",
        )
        for trial in having
    ]
    values = [value_of(trial) for trial in having]
    marker = {"colorscale": _EARLY_TO_LATE, "cmin": 0, "cmax": len(data.study.trials)}
    return plots.figure(
        data.names[name],
        [plots.points(vertices, color=[trial.number for trial in having], marker=marker)],
        x=plots.parameter_axis(data.names[name], distribution),
        y=plots.axis(data.objective, **plots.framed(values, data.direction)),
    )
