"""Several objectives at once: the trials that no other trial beats in all of them."""

from __future__ import annotations

from itertools import combinations

from hpsearch.search.results import TrialRecord
from hpsearch.views import numbers
from hpsearch.views.report import plots
from hpsearch.views.report.material import Material, value_of
from hpsearch.views.report.parts import Figure, Section, Words


def front(material: Material) -> Section | None:
    """Returns each pair of objectives against each other; None for a study of one objective."""
    if len(material.study.objectives) < 2 or not material.complete:
        return None
    numbers_of_front = ", ".join(str(trial.number) for trial in material.study.front[:40])
    words = Words(
        f"No trial is better than one of these in every objective: trials {numbers_of_front}."
        " Which of them to take is a matter of what the objectives are worth."
    )
    pairs = combinations(enumerate(material.study.objectives), 2)
    return Section("Pareto front", [words, *(_figure(material, *pair) for pair in pairs)])


def _figure(material: Material, across: tuple[int, str], up: tuple[int, str]) -> Figure:
    ahead = {trial.number for trial in material.study.front}

    def vertices(trials: list[TrialRecord]) -> list[plots.Vertex]:
        return [
            (
                plots.short(value_of(trial, across[0])),
                plots.short(value_of(trial, up[0])),
                f"trial {trial.number}\n{across[1]} {numbers.metric(value_of(trial, across[0]))}\n"
                f"{up[1]} {numbers.metric(value_of(trial, up[0]))}",
            )
            for trial in trials
        ]

    others = plots.thinned([trial for trial in material.complete if trial.number not in ahead])
    best = sorted(material.study.front, key=lambda trial: value_of(trial, across[0]))
    marker = {"symbol": "diamond", "size": 10, "opacity": 1}
    return plots.figure(
        f"{up[1]} against {across[1]}",
        [
            plots.points(vertices(others), color=plots.GREY, name="beaten"),
            plots.points(vertices(best), color=plots.RED, name="front", marker=marker),
        ],
        x=plots.axis(across[1]),
        y=plots.axis(up[1]),
        wide=True,
    )
