"""What a better value costs: weights and training time."""

from __future__ import annotations

from collections.abc import Callable

from hpsearch.search.results import TrialRecord
from hpsearch.views import numbers
from hpsearch.views.durations import spell
from hpsearch.views.report import plots
from hpsearch.views.report.history import best_so_far
from hpsearch.views.report.material import Material, value_of
from hpsearch.views.report.parts import Figure, Section


def cost(material: Material) -> Section | None:
    """Returns the value against the number of weights and against training time."""
    drawings = [
        _figure(material, "weights", weights_of, lambda count: f"{count:,.0f} weights"),
        _figure(material, "training time (s)", lambda trial: trial.seconds, spell),
    ]
    figures = [drawing for drawing in drawings if drawing is not None]
    return Section("Cost", figures) if figures else None


def weights_of(trial: TrialRecord) -> float | None:
    """Returns how many weights the trial's model has, if that is on record."""
    count = trial.attributes.get("parameters")
    return float(count) if isinstance(count, int | float) and count > 0 else None


def _figure(
    material: Material,
    label: str,
    cost_of: Callable[[TrialRecord], float | None],
    say: Callable[[float], str],
) -> Figure | None:
    vertices = sorted(
        (plots.short(price), plots.short(value_of(trial)), trial.number)
        for trial in material.complete
        if (price := cost_of(trial))
    )
    if not vertices:
        return None
    worded = [
        (price, value, f"trial {number}\n{say(price)}\n{numbers.metric(value)}")
        for price, value, number in vertices
    ]
    values = [value for _, value, _ in worded]
    cheapest = [worded[place] for place in best_so_far(values, material.direction)]
    end = (worded[-1][0], cheapest[-1][1], "")
    drawn = plots.thinned(worded)
    return plots.figure(
        f"{material.objective} against {label}",
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
        y=plots.axis(material.objective, **plots.framed(values, material.direction)),
        note=plots.thinned_note(len(drawn), len(worded)).strip(),
    )
