"""The state of a machine as a table: what `hpsearch doctor` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from hpsearch.measure.machine import Finding


def findings_table(findings: list[Finding]) -> Table:
    """Returns one line per finding."""
    grid = Table.grid(padding=(0, 2))
    for finding in findings:
        label = Text("ok", style="green") if finding.ok else Text("warn", style="yellow")
        grid.add_row(label, Text(finding.name, style="bold"), Text(finding.text))
    return grid
