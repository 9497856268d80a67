"""The nodes of a running search: which are connected, what each trains, and how fast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

STATES = {"in": "green", "leaving": "yellow", "out": "red", "connecting": "dim", "loading": "dim"}


def nodes_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Returns a line for each node: what it trains, or why it leaves or is out.

    Args:
        rows: the search's record of its nodes, as `read_rows` returns it.
    """
    table = Table(box=None, pad_edge=False)
    for heading in ("node", "host", "state"):
        table.add_column(heading, no_wrap=True)
    for heading in ("slots", "samples/s", "epochs"):
        table.add_column(heading, justify="right")
    table.add_column("files", no_wrap=True)
    table.add_column("trials")
    for row in rows:
        speed = sum(trial["samples_per_s"] for trial in row["trials"])
        known = row["state"] in ("in", "leaving")
        table.add_row(
            *(Text(row["name"]), Text(row["host"])),
            Text(row["state"], style=STATES.get(row["state"], "")),
            *(str(len(row["slots"])), f"{speed:,.0f}" if speed else "", str(row["epochs"])),
            ("shared" if row["shared"] else "streamed") if known else "",
            Text(", ".join(map(_trial, row["trials"])) or row["why"]),
        )
    return table


def _trial(trial: Mapping[str, Any]) -> str:
    return f"{trial['number']} on {trial['slot']} (epoch {trial['epoch'] + 1})"
