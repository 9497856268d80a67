"""Which parameters decide the result."""

from __future__ import annotations

from collections.abc import Mapping

from hpsearch.measure.importance import ENOUGH
from hpsearch.measure.report import ReportData
from hpsearch.views.report import plots
from hpsearch.views.report.blocks import Figure, Paragraph, Section

_MOST_BARS = 20


def importance(data: ReportData) -> Section | None:
    """Returns the parameters' importance for each objective, and from how many trials it comes."""
    figures = [
        _figure(data, objective, shares)
        for objective, shares in data.importance.shares.items()
        if shares
    ]
    if not figures:
        return None
    count, rung, unit = data.importance.trials, data.importance.rung, data.study.unit
    which = "complete trials"
    if rung:
        which = f"trials, by their best value in {rung} {unit}{'s' * (rung != 1)}"
    words = (
        f"From {count:,} {which}, by PED-ANOVA: how much a parameter has to do with a trial"
        " being among the best tenth; the shares sum to 100 %."
    )
    if rung:
        words += f" Complete trials alone ({len(data.complete):,}) are too few to be compared."
    if count < ENOUGH:
        words += f" With fewer than {ENOUGH} trials this is a hint, not a finding."
    return Section("Importance", [Paragraph(words), *figures])


def _figure(data: ReportData, objective: str, shares: Mapping[str, float]) -> Figure:
    ordered = sorted(shares.items(), key=lambda item: item[1])[-_MOST_BARS:]
    names = [data.names.get(name, name) for name, _ in ordered]
    trace = {
        "type": "bar",
        "orientation": "h",
        "x": [plots.short(share) for _, share in ordered],
        "y": names,
        "text": [f"{share:.0%}" for _, share in ordered],
        "textposition": "outside",
        "cliponaxis": False,
        "hovertext": [f"{name} {share:.1%}" for name, share in ordered],
        "hoverinfo": "text",
        "marker": {"color": plots.BLUE},
    }
    return plots.figure(
        f"importance for {objective}",
        [trace],
        x=plots.axis("share", tickformat=".0%", rangemode="tozero"),
        y=plots.axis("", type="category"),
        wide=True,
        height=140 + 26 * len(names),
    )
