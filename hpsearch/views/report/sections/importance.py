"""Which parameters decide the result."""

from __future__ import annotations

from collections.abc import Mapping

from hpsearch.measure.basis import ENOUGH
from hpsearch.measure.report import ReportData
from hpsearch.views.report import plots
from hpsearch.views.report.basis import basis_words
from hpsearch.views.report.blocks import Figure, Paragraph, Section

_MOST_BARS = 20
_ROOM = 1.2


def importance(data: ReportData) -> Section | None:
    """Returns the parameters' importance for each objective, and from how many trials it comes."""
    figures = [
        _figure(data, objective, shares) for objective, shares in data.importance.items() if shares
    ]
    if not figures:
        return None
    count = len(data.compared)
    words = (
        f"From {count:,} trials, by PED-ANOVA: how much a parameter has to do with a trial being"
        f" among the best tenth; the shares sum to 100 %. {basis_words(data)}"
    ).rstrip()
    if count < ENOUGH:
        words += f" With fewer than {ENOUGH} trials this is a hint, not a finding."
    return Section("Importance", [Paragraph(words), *figures])


def _figure(data: ReportData, objective: str, shares: Mapping[str, float]) -> Figure:
    ordered = sorted(shares.items(), key=lambda item: item[1])[-_MOST_BARS:]
    names = [data.names.get(name, name) for name, _ in ordered]
    # To the right of the longest bar is room for its share, also on a phone.
    room = [0, _ROOM * (max(share for _, share in ordered) or 1)]
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
        x=plots.axis("share", tickformat=".0%", range=room),
        y=plots.axis("", type="category"),
        wide=True,
        height=140 + 26 * len(names),
    )
