"""The trials of a study as a table, best first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from rich import box
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from hpsearch.protocol.types import Direction, primary
from hpsearch.search.store import TrialRecord
from hpsearch.studyfile.document import short_names
from hpsearch.views import formatting
from hpsearch.views.formatting import sparkline
from hpsearch.views.ranking import epochs_done, latest_value, ranked, top

STYLES = {
    "complete": "",
    "running": "cyan",
    "paused": "magenta",
    "waiting": "yellow",
    "pruned": "dim",
    "failed": "red",
}
_CURVE = 12
_METRIC = 16
_GAP = 2
_LEAST_ROOM = 12


def leaderboard(
    trials: Sequence[TrialRecord],
    objectives: Mapping[str, Direction],
    *,
    width: int,
    limit: int,
    marked: Sequence[int] = (),
    count: int | None = None,
) -> Table:
    """Returns the trials as a table: rank, number, values, curve, epochs, state, parameters.

    Args:
        trials: the trials of one study, in any order.
        objectives: metric name to direction; the first decides the rank.
        width: columns of the screen. Parameters get a column each where they all fit, and
            share one line of `name=value` where they do not.
        limit: rows at most; a last line says how many are left out.
        marked: numbers of the trials to show as the best.
        count: how many trials there are, where those given are only the first of each state.
    """
    ordered = ranked(trials, primary(objectives)[1])
    shown = top(ordered, limit)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    curve = min(max((len(trial.values_by_epoch) for trial in shown), default=0), _CURVE)
    room = width - _add_result_columns(table, objectives, max(curve, len("curve")))
    names = short_names(name for trial in shown for name in trial.params)
    columns = _parameter_columns(shown, names, room)
    for name in columns:
        table.add_column(Text(names[name]), justify="right", no_wrap=True)
    if not columns:
        table.add_column("parameters", no_wrap=True, width=max(room, _LEAST_ROOM))
    for rank, trial in enumerate(shown, start=1):
        table.add_row(
            str(rank) if trial.state == "complete" else "",
            *_result_cells(trial, objectives),
            *_parameter_cells(trial, names, columns),
            style="bold green" if trial.number in marked else STYLES[trial.state],
        )
    left_out = (len(ordered) if count is None else count) - len(shown)
    if left_out:
        table.caption = f"and {left_out} more"
        table.caption_justify = "left"
    return table


def _add_result_columns(table: Table, objectives: Mapping[str, Direction], curve: int) -> int:
    """Adds the columns of what came out; returns their width, gaps included."""
    metrics = {name: min(max(cell_len(name), 6), _METRIC) for name in objectives}
    widths = {"#": 3, "trial": 5, **metrics, "curve": curve, "epochs": 6, "state": 8}
    for name, width in widths.items():
        side: Literal["left", "right"] = "left" if name in ("curve", "state") else "right"
        table.add_column(Text(name, overflow="ellipsis"), justify=side, no_wrap=True, width=width)
    return sum(widths.values()) + _GAP * len(widths)


def _result_cells(trial: TrialRecord, objectives: Mapping[str, Direction]) -> list[Text]:
    first, *others = [None] * len(objectives) if trial.values is None else trial.values
    values = [latest_value(trial) if first is None else first, *others]
    curve = [value for _, value in sorted(trial.values_by_epoch.items())]
    return [
        Text(str(trial.number)),
        *(Text(formatting.metric(value)) for value in values),
        Text(sparkline(curve, _CURVE)),
        Text(str(epochs_done(trial) or "-")),
        Text(trial.state),
    ]


def _parameter_columns(
    trials: Sequence[TrialRecord], names: Mapping[str, str], room: int
) -> list[str]:
    """Returns the parameters that get a column each: all of them, or none."""
    needed = sum(
        _GAP + max(cell_len(text) for text in (short, *_column(trials, name)))
        for name, short in names.items()
    )
    return list(names) if needed - _GAP <= room else []


def _column(trials: Sequence[TrialRecord], name: str) -> list[str]:
    return [formatting.setting(t.params[name]) for t in trials if name in t.params]


def _parameter_cells(
    trial: TrialRecord, names: Mapping[str, str], columns: Sequence[str]
) -> list[Text]:
    if not columns:
        return [Text(formatting.one_line(trial.params, names), overflow="ellipsis")]
    return [Text(formatting.setting(trial.params[n]) if n in trial.params else "") for n in columns]
