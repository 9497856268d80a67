"""One line a slot: which trial trains there, how far it is, how fast, and how long it takes yet."""

from __future__ import annotations

from collections.abc import Iterable

from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from hpsearch.views.board import Running
from hpsearch.views.durations import spell

_BAR = 16


def slot_lines(slots: Iterable[str], running: Iterable[Running], now_s: float) -> Table:
    """Returns a line for each slot; an idle one says so."""
    by_slot = {run.slot: run for run in running}
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column(width=_BAR)
    grid.add_column(no_wrap=True, justify="right")
    grid.add_column(no_wrap=True)
    for slot in slots:
        run = by_slot.get(slot)
        if run is None:
            grid.add_row(Text(slot, style="bold"), Text("idle", style="dim"))
        else:
            grid.add_row(Text(slot, style="bold"), *_cells(run, now_s))
    return grid


def _cells(run: Running, now_s: float) -> tuple[Text | ProgressBar, ...]:
    trial = Text(f"trial {run.number}", style="cyan")
    if run.progress is None:
        return trial, Text("starting", style="dim")
    left = run.seconds_left(now_s)
    return (
        trial,
        Text(f"epoch {run.progress.epoch}/{run.progress.epochs}"),
        ProgressBar(total=1.0, completed=min(run.fraction, 1.0), width=_BAR),
        Text(f"{run.progress.samples_per_s:,.0f}/s"),
        Text("" if left is None else f"{spell(left)} left", style="dim"),
    )
