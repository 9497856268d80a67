"""What an ensemble averages and how good it is, from its record: a table and its sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.text import Text

from hpsearch.views import formatting
from hpsearch.views.console import head_table
from hpsearch.views.tables.confirmation import result_words, untested_words

if TYPE_CHECKING:
    from rich.table import Table

Record = Mapping[str, Any]


def ensemble_view(record: Record) -> Group:
    """Returns the members with their shares, then how good they are together."""
    parts: list[RenderableType] = [_members(record), Text(), Text(ensemble_words(record))]
    if record["test"]:
        parts.append(Text(result_words(record["test"])))
    elif record["untested"]:
        parts.append(Text(untested_words(record["untested"])))
    parts += [Text(f"{name_of(one)} is left out: {one['reason']}") for one in record["left_out"]]
    return Group(*parts)


def name_of(model: Record) -> str:
    """Returns `trial 7`, or `run 7 of the confirmation`."""
    number = model["trial"]
    return f"trial {number}" if model["of"] == "search" else f"run {number} of the confirmation"


def ensemble_words(record: Record) -> str:
    """Returns how good the ensemble is on the validation examples, compared with the best model."""
    metric, members, alone = record["metric"], record["members"], record["alone"]
    held_out, name = record["held_out"], name_of(alone)
    if len(members) == 1:
        return (
            f"No average of the {record['candidates']} models is better than"
            f" {name_of(members[0])} alone, on the validation examples."
        )
    # A record of version 0.1.0 does not name it.
    before = "squared error" if record["averaging"]["kind"] == "values" else "log loss"
    loss = held_out.get("loss", before)
    values = ""
    if metric in record["values"]:
        ours, theirs = record["values"][metric], alone["values"].get(metric)
        values = (
            f"{metric} {formatting.metric(ours)}; {name} alone, the best of"
            f" {record['candidates']}, has {formatting.metric(theirs)}. Both were chosen on these"
            f" {record['examples']:,} validation examples. "
        )
    return (
        f"{values}On halves of them that took no part in the choice, the {loss} is"
        f" {held_out['together']:.4g}, and that of one model alone {held_out['alone']:.4g}."
    )


def ensemble_line(record: Record) -> str:
    """Returns `3 models: val_accuracy 0.9931, test_accuracy 0.9928`."""
    members, metric, test = record["members"], record["metric"], record["test"]
    if len(members) == 1:
        return f"none is better than {name_of(members[0])} alone"
    values = [(metric, record["values"].get(metric))]
    values += [(test["metric"], test["value"])] if test else []
    known = ", ".join(f"{name} {formatting.metric(value)}" for name, value in values if value)
    return f"{len(members)} models: {known}"


def member_rows(record: Record) -> list[tuple[str, str, str]]:
    """Returns the name, share and value of each member."""
    total = sum(one["count"] for one in record["members"])
    return [
        (name_of(one), f"{one['count'] / total:.0%}", formatting.metric(one["searched"]))
        for one in record["members"]
    ]


def _members(record: Record) -> Table:
    table = head_table()
    table.add_column("model", no_wrap=True)
    table.add_column("share", justify="right", no_wrap=True)
    table.add_column(Text(record["metric"]), justify="right", no_wrap=True)
    for row in member_rows(record):
        table.add_row(*row)
    return table
