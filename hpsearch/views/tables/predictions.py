"""The labels of image files, as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

_HEADINGS = {"probabilities": "probability", "outputs": "output"}


def predictions_table(metadata: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Table:
    """Returns a line for each file: its label, the model's certainty, and how it was converted."""
    table = Table(box=None, pad_edge=False)
    table.add_column("file", overflow="fold")
    table.add_column("label")
    table.add_column(_HEADINGS[metadata["output"]], justify="right")
    changed = any(row["changed"] for row in rows)
    if changed:
        table.add_column("brought to the model's size and colours")
    for row in rows:
        cells = [row["file"], row["label"], f"{row['score']:.4f}"] + [row["changed"]] * changed
        table.add_row(*map(Text, cells))
    return table
