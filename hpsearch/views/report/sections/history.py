"""The search over its trials: each value, and the best so far."""

from __future__ import annotations

from collections.abc import Sequence

from hpsearch.measure.report import ReportData
from hpsearch.protocol.types import Direction, sign_of
from hpsearch.search.store import TrialRecord
from hpsearch.views.report import plots
from hpsearch.views.report.basis import basis_label, basis_words, how_far, value_words
from hpsearch.views.report.blocks import Figure, Section


def history(data: ReportData) -> Section | None:
    """Returns, for each objective, every trial's value and the best one until then."""
    if not data.compared:
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
    def vertices(trials: Sequence[TrialRecord]) -> list[plots.Vertex]:
        return [
            (
                trial.number,
                plots.short(data.compared_value(trial, place)),
                f"{how_far(trial, data.study.unit)}\n{value_words(data, trial, place)}",
            )
            for trial in trials
        ]

    compared = vertices(data.compared)
    values = [value for _, value, _ in compared]
    records = [compared[index] for index in best_so_far(values, direction)]
    end = (data.study.trials[-1].number, records[-1][1], "")
    drawn = plots.thinned(compared)
    stopped = vertices(data.stopped_before)
    before = plots.thinned(stopped, max(plots.MOST_POINTS - len(drawn), 2))
    hollow = {"symbol": "circle-open"}
    return plots.figure(
        f"{name} of each trial, and the best so far",
        [
            *([plots.points(before, marker=hollow, name="stopped before")] if before else []),
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
        y=plots.axis(
            basis_label(data, name),
            **plots.framed(values, direction, [value for _, value, _ in stopped]),
        ),
        note=_note(data, len(drawn) + len(before)),
        wide=True,
    )


def _note(data: ReportData, drawn: int) -> str:
    words = basis_words(data)
    if data.stopped_before:
        words += " Those that stopped before have their best value until then."
    known = len(data.compared) + len(data.stopped_before)
    return (words + plots.thinned_note(drawn, known)).strip()
