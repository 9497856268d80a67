"""Studies side by side: what `hpsearch compare` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.text import Text

from hpsearch.studyfile.document import short_names
from hpsearch.views import formatting
from hpsearch.views.console import head_table
from hpsearch.views.formatting import spell
from hpsearch.views.tables.study import STATE_STYLES, best_words

if TYPE_CHECKING:
    from hpsearch.search.store import StudyRecord


@dataclass(frozen=True)
class Compared:
    """A study and the names of what it searches."""

    study: StudyRecord
    parameters: Sequence[str]

    @property
    def seconds(self) -> float:
        """Training time of all its trials."""
        return sum(trial.seconds or 0.0 for trial in self.study.trials)


def comparison(compared: Sequence[Compared]) -> RenderableType:
    """Returns one row per study, and a warning if their values cannot be compared."""
    table = head_table()
    table.add_column("study", overflow="fold")
    table.add_column("state", no_wrap=True)
    table.add_column("best", overflow="fold")
    table.add_column("confirmed", overflow="fold")
    for name in ("trials", "pruned", "failed", "time"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("searched", overflow="fold")
    for one in compared:
        table.add_row(*_row(one))
    if len({tuple(one.study.objectives.items()) for one in compared}) == 1:
        return table
    warning = "the studies have different objectives: their values cannot be compared"
    return Group(table, Text(warning, style="yellow"))


def comparison_entries(compared: Sequence[Compared]) -> list[dict[str, Any]]:
    """Returns the same as plain data, for `--json`."""
    return [_entry(one) for one in compared]


def _row(one: Compared) -> list[Text]:
    study = one.study
    return [
        Text(study.name, style="bold"),
        Text(study.state, style=STATE_STYLES[study.state]),
        Text(best_words(study)),
        Text(_confirmed_words(study.confirmation)),
        Text(str(len(study.trials))),
        Text(str(study.counts["pruned"])),
        Text(str(study.counts["failed"])),
        Text(spell(one.seconds)),
        Text(", ".join(short_names(one.parameters).values()) or "nothing"),
    ]


def _entry(one: Compared) -> dict[str, Any]:
    study, best = one.study, one.study.best
    values = dict(zip(study.objectives, best.values, strict=True)) if best and best.values else None
    chosen = _chosen(study.confirmation)
    return {
        "study": study.name,
        "state": study.state,
        "objectives": study.objectives,
        "best": None if best is None else {"number": best.number, "values": values},
        "confirmed": chosen,
        "trials": len(study.trials),
        "counts": study.counts,
        "seconds": one.seconds,
        "parameters": list(one.parameters),
    }


def _chosen(confirmation: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Returns the finalist that the confirmation chose, in short."""
    if confirmation is None:
        return None
    named = {one["trial"]: one for one in confirmation["finalists"]}
    finalist = named[confirmation["chosen"]]
    short = {"value": finalist["confirmed"], "low": finalist["low"], "high": finalist["high"]}
    return {"number": finalist["trial"], **short}


def _confirmed_words(confirmation: Mapping[str, Any] | None) -> str:
    chosen = _chosen(confirmation)
    if chosen is None:
        return "-"
    interval = ""
    if chosen["low"] is not None:
        interval = f", {formatting.metric(chosen['low'])} to {formatting.metric(chosen['high'])}"
    return f"{formatting.metric(chosen['value'])}{interval} (trial {chosen['number']})"
