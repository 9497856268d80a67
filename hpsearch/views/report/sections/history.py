"""The search over its trials: each value, and the best so far."""

from __future__ import annotations

from hpsearch.measure.report import ReportData, value_of
from hpsearch.protocol.types import Direction, sign_of
from hpsearch.views import formatting
from hpsearch.views.report import plots
from hpsearch.views.report.blocks import Figure, Section


def history(data: ReportData) -> Section | None:
    """Returns, for each objective, every trial's value and the best one until then."""
    if not data.complete:
        return None
    figures = [
        _figure(data, place, name, direction)
        for place, (name, direction) in enumerate(data.study.objectives.items())
    ]
    return Section("History", figures)


def best_so_far(values: list[float], direction: Direction) -> list[int]:
    """Returns the places of the values that beat all before them."""
    sign = sign_of(direction)
    places: list[int] = []
    for place, value in enumerate(values):
        if not places or sign * value > sign * values[places[-1]]:
            places.append(place)
    return places


def _figure(data: ReportData, place: int, name: str, direction: Direction) -> Figure:
    vertices = [
        (
            trial.number,
            plots.short(value_of(trial, place)),
            f"trial {trial.number}\n{formatting.metric(value_of(trial, place))}",
        )
        for trial in data.complete
    ]
    values = [value for _, value, _ in vertices]
    records = [vertices[index] for index in best_so_far(values, direction)]
    end = (data.study.trials[-1].number, records[-1][1], "")
    drawn = plots.thinned(vertices)
    return plots.figure(
        f"{name} of each trial, and the best so far",
        [
            plots.points(drawn, name="trial"),
            plots.lines(
                [[*records, end]],
                color=plots.RED,
                width=2,
                name="best so far",
                line={"shape": "hv"},
            ),
        ],
        x=plots.whole_axis("trial", end[0]),
        y=plots.axis(name, **plots.framed(values, direction)),
        note="Complete trials only: a pruned one stopped before its value could be compared."
        + plots.thinned_note(len(drawn), len(vertices)),
        wide=True,
    )
