"""Disk usage by study."""

from __future__ import annotations

from collections.abc import Mapping

from rich import box
from rich.table import Table
from rich.text import Text

from hpsearch.measure.disk import Usage
from hpsearch.views.formatting import size

_COLUMNS = ("best checkpoints", "for resuming", "curves", "other", "total")


def usage_table(studies: Mapping[str, Usage]) -> Table:
    """Returns a row for each study, the largest first, and their sum."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column("study", overflow="fold")
    for name in _COLUMNS:
        table.add_column(name, justify="right")
    for name, usage in sorted(studies.items(), key=lambda item: -item[1].total):
        table.add_row(Text(name, style="bold"), *_cells(usage))
    if len(studies) > 1:
        parts = ("best", "resume", "curves", "other")
        total = Usage(*(sum(getattr(usage, part) for usage in studies.values()) for part in parts))
        table.add_row(Text("all", style="dim"), *_cells(total))
    return table


def _cells(usage: Usage) -> list[Text]:
    sizes = (usage.best, usage.resume, usage.curves, usage.other, usage.total)
    return [Text(size(count) if count else "-") for count in sizes]
