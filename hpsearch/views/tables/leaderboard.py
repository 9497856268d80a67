"""The trials of a study as a table, best first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from rich.cells import cell_len
from rich.text import Text

from hpsearch.protocol.types import Direction, primary
from hpsearch.studyfile.document import short_names
from hpsearch.views import formatting
from hpsearch.views.console import head_table
from hpsearch.views.curve import Curve
from hpsearch.views.ranking import epochs_done, known_values, ranked, top

if TYPE_CHECKING:
    from rich.table import Table

    from hpsearch.search.store import TrialRecord

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
_SPACING = 2
# The width of a shared cell of parameters: its header, and one parameter with its value.
_ROOM = (10, 28)
# What a narrow screen drops, in this order.
_SPARE = ("curve", "epochs", "validations", "state")


@dataclass(frozen=True)
class _Column:
    """A column of results, at least as wide as its cells."""

    name: str
    cells: Sequence[Text | Curve]
    width: int
    side: Literal["left", "right"] = "right"


def leaderboard(
    trials: Sequence[TrialRecord],
    objectives: Mapping[str, Direction],
    *,
    width: int,
    limit: int,
    unit: str = "epoch",
    marked: Sequence[int] = (),
    count: int | None = None,
    in_order: bool = False,
) -> Table:
    """Returns the trials as a table: rank, number, values, curve, epochs, state, parameters.

    Numbers are never cut; a narrow screen lacks the curve, the epochs and the state, in this order.

    Args:
        trials: the trials of one study, in any order.
        objectives: metric name to direction; the first decides the rank.
        width: columns of the screen; parameters that do not all fit share a column `name=value`.
        limit: maximum number of rows; a last line says how many are left out.
        unit: what the trials report after, `epoch` or `validation`.
        marked: numbers of the trials to show as the best.
        count: how many trials there are, if those given are only the first of each state.
        in_order: whether they are already in the order to show.
    """
    ordered = list(trials) if in_order else ranked(trials, primary(objectives)[1])
    shown = ordered[:limit] if in_order else top(ordered, limit)
    table = head_table()
    names = short_names(name for trial in shown for name in trial.params)
    found = _results(shown, objectives, f"{unit}s", ranks=not in_order)
    results, room = _fitting(found, names, shown, width)
    for column in results:
        table.add_column(Text(column.name), justify=column.side, no_wrap=True, width=column.width)
    columns = _parameter_columns(shown, names, room)
    for name in columns:
        table.add_column(Text(names[name]), justify="right", no_wrap=True)
    together = bool(names) and not columns and room >= _ROOM[0]
    if together:
        table.add_column("parameters", no_wrap=True, width=room)
    for row, trial in enumerate(shown):
        cells = [_setting(trial, name) for name in columns]
        if together:
            cells = [Text(formatting.one_line(trial.params, names, room=room))]
        style = "bold green" if trial.number in marked else STYLES[trial.state]
        table.add_row(*(column.cells[row] for column in results), *cells, style=style)
    left_out = (len(ordered) if count is None else count) - len(shown)
    if left_out:
        table.caption, table.caption_justify = f"and {left_out} more", "left"
    return table


def _results(
    shown: Sequence[TrialRecord], objectives: Mapping[str, Direction], units: str, *, ranks: bool
) -> list[_Column]:
    """Returns the columns of the results."""
    places = [str(n) if t.state == "complete" else "" for n, t in enumerate(shown, start=1)]
    texts = {"#": places} if ranks else {}
    texts["trial"] = [str(trial.number) for trial in shown]
    values = [known_values(trial, objectives) for trial in shown]
    metrics = formatting.cut_apart([*objectives], _METRIC)
    for index, name in enumerate(metrics):
        texts[name] = [formatting.metric(each[index]) for each in values]
    minimum = {"#": 3, "trial": 5, **{name: max(cell_len(name), 6) for name in metrics}}
    columns = [_column(name, cells, minimum[name]) for name, cells in texts.items()]
    curves = [[value for _, value in sorted(trial.values_by_epoch.items())] for trial in shown]
    drawn = min(max(map(len, curves), default=0), _CURVE)
    columns.append(
        _Column("curve", [Curve(c, _CURVE) for c in curves], max(drawn, len("curve")), "left")
    )
    columns.append(_column(units, [str(epochs_done(trial) or "-") for trial in shown], len(units)))
    state = _column("state", [trial.state for trial in shown], 8)
    return [*columns, _Column(state.name, state.cells, state.width, "left")]


def _column(name: str, cells: Sequence[str], minimum: int) -> _Column:
    return _Column(name, [Text(cell) for cell in cells], max([minimum, *map(cell_len, cells)]))


def _fitting(
    results: list[_Column], names: Mapping[str, str], shown: Sequence[TrialRecord], width: int
) -> tuple[list[_Column], int]:
    """Returns the columns that fit the screen, and the width left for parameters."""
    pairs = [formatting.one_line({n: v}, names) for t in shown for n, v in [*t.params.items()][:1]]
    minimum, most = _ROOM
    wanted = (
        min(max(minimum, max(map(cell_len, pairs)) + len(" +99")), most) if pairs else -_SPACING
    )
    for spare in (None, *_SPARE):
        results = [column for column in results if column.name != spare]
        room = width - sum(column.width + _SPACING for column in results)
        if _parameter_columns(shown, names, room) or room >= wanted:
            break
    return results, room


def _parameter_columns(
    trials: Sequence[TrialRecord], names: Mapping[str, str], room: int
) -> list[str]:
    """Returns the parameters that get a column each: all of them, or none."""
    needed = sum(
        _SPACING + max(cell_len(text) for text in (short, *_column_of(trials, name)))
        for name, short in names.items()
    )
    return list(names) if needed - _SPACING <= room else []


def _column_of(trials: Sequence[TrialRecord], name: str) -> list[str]:
    return [formatting.setting(t.params[name]) for t in trials if name in t.params]


def _setting(trial: TrialRecord, name: str) -> Text:
    return Text(formatting.setting(trial.params[name]) if name in trial.params else "")
