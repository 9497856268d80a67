"""Studies side by side: what `hpsearch compare` prints, a column for each study."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.text import Text

from hpsearch.search.store.keys import GENERALIZATION_GAP
from hpsearch.studyfile.document import short_names
from hpsearch.views import formatting
from hpsearch.views.console import head_table
from hpsearch.views.curve import Curve
from hpsearch.views.formatting import spell
from hpsearch.views.ranking import counts_line
from hpsearch.views.tables.confirmation import chosen_finalist
from hpsearch.views.tables.study import STATE_STYLES, best_words

if TYPE_CHECKING:
    from rich.table import Table

    from hpsearch.search.store import StudyRecord

DIFFERENT_OBJECTIVES = "the studies have different objectives: their values cannot be compared"
UNKNOWN = "-"
_CURVE = 20
_CURVE_ROW, _STATE_ROW = "its curve", "state"
_SPACING = 2


@dataclass(frozen=True)
class Compared:
    """A study and the names of what it searches."""

    study: StudyRecord
    parameters: Sequence[str]

    @property
    def seconds(self) -> float:
        """Training time of all its trials."""
        return sum(trial.seconds or 0.0 for trial in self.study.trials)

    @property
    def curve(self) -> Mapping[int, float]:
        """The first objective of its best trial, by epoch."""
        return self.study.best.values_by_epoch if self.study.best else {}


def same_objectives(compared: Sequence[Compared]) -> bool:
    """Returns whether the studies' values can be compared."""
    return len({tuple(one.study.objectives.items()) for one in compared}) == 1


def compared_facts(one: Compared) -> dict[str, str]:
    """Returns the facts of a study and its best trial, with a dash for unknown ones."""
    study, best = one.study, one.study.best
    known = best.attributes if best else {}
    weights = known.get("parameters")
    chosen = _chosen(study.confirmation) or {}
    return {
        _STATE_ROW: study.state,
        "best": best_words(study),
        "confirmed": f"{_metric(chosen.get('value'))} (trial {chosen['number']})"
        if chosen
        else "-",
        "95 %": f"{_metric(chosen['low'])} to {_metric(chosen['high'])}"
        if chosen.get("low") is not None
        else "-",
        "generalization gap": _metric(known.get(GENERALIZATION_GAP)),
        "its weights": f"{weights:,}" if isinstance(weights, int) else "-",
        "its time": spell(best.seconds) if best else "-",
        "trials": counts_line(study.counts),
        "all trials' time": spell(one.seconds),
    }


def compared_settings(compared: Sequence[Compared]) -> dict[str, list[str]]:
    """Returns the best trials' settings, one per study, by the parameters' short names."""
    found = dict.fromkeys(name for one in compared for name in one.parameters)
    names = short_names(found)
    settings = {names[name]: [_setting(one, name) for one in compared] for name in found}
    # Those of branches that no best trial has taken say nothing.
    return {name: cells for name, cells in settings.items() if {*cells} != {UNKNOWN}}


def comparison(compared: Sequence[Compared], *, width: int) -> RenderableType:
    """Returns the studies side by side, in as many tables as the screen needs; no value is cut.

    Args:
        compared: the studies.
        width: columns of the screen.
    """
    rows = _rows(compared)
    label = max(map(cell_len, rows))
    tables: list[RenderableType] = []
    for places in _fitting([_width(rows, place) for place in range(len(compared))], width - label):
        tables += [Text()] * bool(tables)
        tables.append(_table(compared, rows, places))
    if not same_objectives(compared):
        tables.append(Text(DIFFERENT_OBJECTIVES, style="yellow"))
    return Group(*tables)


def comparison_entries(compared: Sequence[Compared]) -> list[dict[str, Any]]:
    """Returns the same as plain data, for `--json`."""
    return [_entry(one) for one in compared]


def _rows(compared: Sequence[Compared]) -> dict[str, list[str]]:
    """Returns a cell for each study, by what the row says."""
    goals = [
        ", ".join(f"{way} {name}" for name, way in one.study.objectives.items()) for one in compared
    ]
    rows = {"study": [one.study.name for one in compared], "objective": goals}
    facts = [compared_facts(one) for one in compared]
    for name in facts[0]:
        rows[name] = [of_study[name] for of_study in facts]
        if name == "95 %":
            rows[_CURVE_ROW] = ["#" * min(len(one.curve), _CURVE) for one in compared]
    known = {name: cells for name, cells in rows.items() if {*cells} != {UNKNOWN}}
    return known | compared_settings(compared)


def _width(rows: Mapping[str, Sequence[str]], place: int) -> int:
    return max(cell_len(word) for cells in rows.values() for word in _lines(cells[place]))


def _lines(text: str) -> list[str]:
    """Returns a cell in lines: `a 0.9 (trial 6); so far ...` and counts are long."""
    return text.replace("; ", ";\n").replace(", ", ",\n").split("\n")


def _fitting(widths: Sequence[int], room: int) -> Iterator[list[int]]:
    """Yields the places of the studies that fit beside one another."""
    shown: list[int] = []
    for place, width in enumerate(widths):
        used = sum(widths[other] + _SPACING for other in shown)
        if shown and used + width + _SPACING > room:
            yield shown
            shown = []
        shown.append(place)
    yield shown


def _table(
    compared: Sequence[Compared], rows: Mapping[str, Sequence[str]], places: Sequence[int]
) -> Table:
    """Returns a table of some of the studies; values that are the same in all of them are dim."""
    table = head_table()
    table.add_column("study", style="dim", no_wrap=True)
    for place in places:
        table.add_column(Text(compared[place].study.name), overflow="fold")
    for name, cells in rows.items():
        if name == "study":
            continue
        is_same = len(compared) > 1 and len(set(cells)) == 1
        style = "dim" if is_same else ""
        table.add_row(Text(name), *(_cell(compared[p], name, cells[p], style) for p in places))
    return table


def _cell(one: Compared, name: str, text: str, style: str) -> RenderableType:
    if name == _CURVE_ROW:
        return Curve([value for _, value in sorted(one.curve.items())], _CURVE)
    if name == _STATE_ROW:
        style = STATE_STYLES[one.study.state]
    return Text("\n".join(_lines(text)), style=style)


def _metric(value: object) -> str:
    return formatting.metric(value) if isinstance(value, int | float) else "-"


def _setting(one: Compared, name: str) -> str:
    best = one.study.best
    return formatting.setting(best.params[name]) if best and name in best.params else UNKNOWN


def _entry(one: Compared) -> dict[str, Any]:
    study, best = one.study, one.study.best
    values = dict(zip(study.objectives, best.values, strict=True)) if best and best.values else None
    known = best.attributes if best else {}
    return {
        "study": study.name,
        "state": study.state,
        "objectives": study.objectives,
        "best": None if best is None else {"number": best.number, "values": values},
        "confirmed": _chosen(study.confirmation),
        "weights": known.get("parameters"),
        "generalization_gap": known.get(GENERALIZATION_GAP),
        "curve": {str(epoch): value for epoch, value in sorted(one.curve.items())},
        "settings": {} if best is None else dict(best.params),
        "trials": len(study.trials),
        "counts": study.counts,
        "seconds": one.seconds,
        "parameters": list(one.parameters),
    }


def _chosen(confirmation: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Returns the finalist that the confirmation chose, in short."""
    if confirmation is None:
        return None
    finalist = chosen_finalist(confirmation)
    short = {"value": finalist["confirmed"], "low": finalist["low"], "high": finalist["high"]}
    return {"number": finalist["trial"], **short}
