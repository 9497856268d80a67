"""The search over its trials: each value, and the best so far."""

from __future__ import annotations

from hpsearch.spec.job import Direction
from hpsearch.views import numbers
from hpsearch.views.report import plots
from hpsearch.views.report.material import Material, value_of
from hpsearch.views.report.parts import Figure, Section


def history(material: Material) -> Section | None:
    """Returns, for each objective, every trial's value and the best one until then."""
    if not material.complete:
        return None
    figures = [
        _figure(material, place, name, direction)
        for place, (name, direction) in enumerate(material.study.objectives.items())
    ]
    return Section("History", figures)


def best_so_far(values: list[float], direction: Direction) -> list[int]:
    """Returns the places of the values that beat all before them."""
    sign = 1 if direction == "maximize" else -1
    places: list[int] = []
    for place, value in enumerate(values):
        if not places or sign * value > sign * values[places[-1]]:
            places.append(place)
    return places


def _figure(material: Material, place: int, name: str, direction: Direction) -> Figure:
    vertices = [
        (
            trial.number,
            plots.short(value_of(trial, place)),
            f"trial {trial.number}\n{numbers.metric(value_of(trial, place))}",
        )
        for trial in material.complete
    ]
    values = [value for _, value, _ in vertices]
    records = [vertices[index] for index in best_so_far(values, direction)]
    end = (material.study.trials[-1].number, records[-1][1], "")
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
        x=plots.axis("trial"),
        y=plots.axis(name, **plots.framed(values, direction)),
        note="Complete trials only: a pruned one stopped before its value could be compared."
        + plots.thinned_note(len(drawn), len(vertices)),
        wide=True,
    )
