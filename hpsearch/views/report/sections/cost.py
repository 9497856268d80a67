"""What a better value costs: weights and training time."""

from __future__ import annotations

from collections.abc import Callable

from hpsearch.measure.report import ReportData, value_of
from hpsearch.search.store import TrialRecord
from hpsearch.views import formatting
from hpsearch.views.formatting import spell
from hpsearch.views.report import plots
from hpsearch.views.report.blocks import Figure, Section
from hpsearch.views.report.sections.history import best_so_far


def cost(data: ReportData) -> Section | None:
    """Returns the value against the number of weights and against training time."""
    drawings = [
        _figure(data, "weights", weights_of, lambda count: f"{count:,.0f} weights"),
        _figure(data, "training time (s)", lambda trial: trial.seconds, spell),
    ]
    figures = [drawing for drawing in drawings if drawing is not None]
    return Section("Cost", figures) if figures else None


def weights_of(trial: TrialRecord) -> float | None:
    """Returns how many weights the trial's model has, if that is on record."""
    count = trial.attributes.get("parameters")
    return float(count) if isinstance(count, int | float) and count > 0 else None


def _figure(
    data: ReportData,
    label: str,
    cost_of: Callable[[TrialRecord], float | None],
    say: Callable[[float], str],
) -> Figure | None:
    vertices = sorted(
        (plots.short(price), plots.short(value_of(trial)), trial.number)
        for trial in data.complete
        if (price := cost_of(trial))
    )
    if not vertices:
        return None
    worded = [
        (price, value, f"trial {number}\n{say(price)}\n{formatting.metric(value)}")
        for price, value, number in vertices
    ]
    values = [value for _, value, _ in worded]
    cheapest = [worded[place] for place in best_so_far(values, data.direction)]
    end = (worded[-1][0], cheapest[-1][1], "")
    drawn = plots.thinned(worded)
    return plots.figure(
        f"{data.objective} against {label}",
        [
            plots.points(drawn, name="trial"),
            plots.lines(
                [[*cheapest, end]],
                color=plots.RED,
                width=2,
                name="best for so much or less",
                line={"shape": "hv"},
            ),
        ],
        x=plots.log_axis(label, [price for price, _, _ in worded]),
        y=plots.axis(data.objective, **plots.framed(values, data.direction)),
        note=plots.thinned_note(len(drawn), len(worded)).strip(),
    )
