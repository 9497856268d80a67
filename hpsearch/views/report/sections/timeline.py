"""The slots over time: which trial each of them trained, and when it had nothing to do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from hpsearch.measure.report import ReportData
from hpsearch.views.formatting import spell
from hpsearch.views.report import plots
from hpsearch.views.report.blocks import Figure, Paragraph, Section, Table
from hpsearch.views.report.sections.intervals import (
    TrialInterval,
    idle_seconds,
    trial_intervals,
    wall_seconds,
)

_MOST_INTERVALS = 6000


def timeline(data: ReportData) -> Section | None:
    """Returns the drawing and each slot's idle time; None before anything has started."""
    found = trial_intervals(data.study, data.now)
    if not found:
        return None
    wall = wall_seconds(found)
    return Section(
        "Timeline",
        [
            Paragraph(
                f"Trials were training for {spell(wall)} in all, pauses between sessions left out."
                " A slot is idle while another one trains and it does not."
            ),
            _figure(found),
            _slots(found, wall),
        ],
    )


def _slots(found: Sequence[TrialInterval], wall: float) -> Table:
    rows = []
    for slot in sorted({interval.slot for interval in found}):
        of_slot = [interval for interval in found if interval.slot == slot]
        idle = idle_seconds(found, slot)
        share = f"{idle / wall:.0%}" if wall else "-"
        rows.append((slot, str(len(of_slot)), spell(wall - idle), spell(idle), share))
    return Table(("slot", "trials started", "busy", "idle", "share idle"), rows, left=("slot",))


def _figure(found: Sequence[TrialInterval]) -> Figure:
    # Thinned out evenly, a busy slot would look idle.
    drawn = found[-_MOST_INTERVALS:]
    slots = sorted({interval.slot for interval in found})
    thickness = max(6, min(22, 240 // len(slots)))
    kinds = {_kind(interval) for interval in drawn}
    traces = [
        plots.lines(
            [_bar(interval) for interval in drawn if _kind(interval) == kind],
            color=color,
            width=thickness,
            name=kind,
        )
        for kind, color in {**plots.STATE_COLORS, "interrupted": plots.GREY}.items()
        if kind in kinds
    ]
    return plots.figure(
        "what each slot trained",
        traces,
        x=plots.axis("", type="date"),
        y=plots.axis(
            "",
            type="category",
            categoryorder="array",
            categoryarray=slots[::-1],
            range=[-0.6, len(slots) - 0.4],
        ),
        note=f"The last {len(drawn):,} of {len(found):,} starts." * (len(drawn) < len(found)),
        wide=True,
        height=170 + (thickness + 14) * len(slots),
    )


def _kind(interval: TrialInterval) -> str:
    """Returns how it ended, as named in the legend: a death is an interruption."""
    return interval.how if interval.how in plots.STATE_COLORS else "interrupted"


def _bar(interval: TrialInterval) -> list[plots.Vertex]:
    """Returns a thick line with a little space to the next one, and the text in its middle."""
    length = interval.end - interval.start
    hair = min(length * 0.02, timedelta(seconds=0.5))
    words = f"trial {interval.number}, {interval.how}\n{spell(length.total_seconds())}"
    moments = (interval.start + hair, interval.start + length / 2, interval.end - hair)
    return [
        (_date(moment), interval.slot, text)
        for moment, text in zip(moments, ("", words, ""), strict=True)
    ]


def _date(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")[:-4]
