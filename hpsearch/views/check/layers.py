"""A model's layers as a table: what `hpsearch summary` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.text import Text

from hpsearch.views import formatting
from hpsearch.views.console import head_table

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


def layer_table(summary: Mapping[str, Any]) -> Table:
    """Returns each layer with its shapes (of a batch of one) and weights, and their sum."""
    table = head_table(footer=True)
    table.add_column("layer", overflow="fold", footer="all")
    table.add_column("type", no_wrap=True)
    table.add_column("input", no_wrap=True)
    table.add_column("output", no_wrap=True)
    table.add_column("weights", justify="right", no_wrap=True, footer=_count(summary["total"]))
    for row in summary["rows"]:
        table.add_row(
            Text(row["name"]),
            Text(row["type"]),
            Text(_shape(row["input_shape"])),
            Text(_shape(row["output_shape"])),
            Text(_count(row["parameters"])),
        )
    return table


def _count(parameters: int | None) -> str:
    return "unknown" if parameters is None else f"{parameters:,}"


def _shape(shape: Sequence[int] | None) -> str:
    return "-" if shape is None else " x ".join(str(size) for size in shape)


def print_layers(console: Console, model: Mapping[str, Any], summary: Mapping[str, Any]) -> None:
    """Prints a model and its layers.

    Args:
        console: where.
        model: its section of the study file, filled in.
        summary: its layers, as `hpsearch.measure.probes.summaries` returns them.
    """
    arguments = formatting.one_line(model.get("init_args") or {}, between=", ")
    title = f"{model['class_path']}({arguments})"
    console.print(title, layer_table(summary), "", sep="\n", markup=False, soft_wrap=False)
