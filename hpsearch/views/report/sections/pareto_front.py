"""Several objectives at once: the trials that no other trial beats in all of them."""

from __future__ import annotations

from itertools import combinations

from hpsearch.measure.report import ReportData, value_of
from hpsearch.search.store import TrialRecord
from hpsearch.views import formatting
from hpsearch.views.report import plots
from hpsearch.views.report.blocks import Figure, Paragraph, Section


def pareto_front(data: ReportData) -> Section | None:
    """Returns each pair of objectives against each other; None for a study of one objective."""
    if len(data.study.objectives) < 2 or not data.complete:
        return None
    numbers = ", ".join(str(trial.number) for trial in data.study.pareto_front[:40])
    whole, known = len(data.complete), len(data.study.trials)
    only = f" Only complete trials are shown: {whole:,} of {known:,}." * (whole < known)
    words = Paragraph(
        f"No complete trial is better than one of these in every objective: trials {numbers}."
        f" Which one to choose depends on what each objective is worth to you.{only}"
    )
    pairs = combinations(enumerate(data.study.objectives), 2)
    return Section("Pareto front", [words, *(_figure(data, *pair) for pair in pairs)])


def _figure(data: ReportData, across: tuple[int, str], up: tuple[int, str]) -> Figure:
    ahead = {trial.number for trial in data.study.pareto_front}

    def vertices(trials: list[TrialRecord]) -> list[plots.Vertex]:
        return [
            (
                plots.short(value_of(trial, across[0])),
                plots.short(value_of(trial, up[0])),
                f"trial {trial.number}\n"
                f"{across[1]} {formatting.metric(value_of(trial, across[0]))}\n"
                f"{up[1]} {formatting.metric(value_of(trial, up[0]))}",
            )
            for trial in trials
        ]

    others = plots.thinned([trial for trial in data.complete if trial.number not in ahead])
    best = sorted(data.study.pareto_front, key=lambda trial: value_of(trial, across[0]))
    marker = {"symbol": "diamond", "size": 10, "opacity": 1}
    return plots.figure(
        f"{up[1]} against {across[1]}",
        [
            plots.points(vertices(others), color=plots.GREY, name="beaten"),
            plots.points(vertices(best), color=plots.RED, name="Pareto front", marker=marker),
        ],
        x=plots.axis(across[1]),
        y=plots.axis(up[1]),
        wide=True,
    )
