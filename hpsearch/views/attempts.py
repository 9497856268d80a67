"""How often a trial was started, why each attempt ended, and what of it was in vain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from hpsearch.search.results import TrialRecord
from hpsearch.views.durations import spell


def attempts_table(trial: TrialRecord) -> Table:
    """Returns one row an attempt; what nobody has recorded is a dash."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column("attempt", justify="right", no_wrap=True)
    table.add_column("started", no_wrap=True)
    table.add_column("on", overflow="fold")
    table.add_column("epochs", no_wrap=True)
    table.add_column("ended")
    table.add_column("lost", no_wrap=True)
    several_hosts = len({attempt.get("host") for attempt in trial.attempts}) > 1
    for index, attempt in enumerate(trial.attempts):
        later = trial.attempts[index + 1 :]
        cells = (
            str(attempt.get("started") or "-")[: len("2026-01-01T00:00:00")].replace("T", " "),
            _place(attempt, several_hosts),
            _epochs(attempt),
            str(attempt.get("how") or "-").removeprefix("its process "),
            lost_words(attempt, later),
        )
        table.add_row(str(index + 1), *map(Text, cells))
    return table


def lost_words(attempt: Mapping[str, Any], later: Sequence[Mapping[str, Any]]) -> str:
    """Returns what an attempt did in vain: `3.1s`, or `2 epochs and 3.1s`.

    Args:
        attempt: the attempt.
        later: those that came after it; whole epochs are lost where the next goes on from fewer
            than were done, since a checkpoint was damaged.
    """
    begun = (one["from_epoch"] for one in later if one.get("from_epoch") is not None)
    done = attempt.get("epochs") or 0
    epochs = max(done - next(begun, done), 0)
    words = [f"{epochs} epoch{'s' * (epochs > 1)}"] * bool(epochs)
    if attempt.get("lost_s") is not None:
        words.append(spell(attempt["lost_s"]))
    return " and ".join(words) or "-"


def _place(attempt: Mapping[str, Any], several_hosts: bool) -> str:
    place = str(attempt.get("slot") or attempt.get("device") or "-")
    return f"{attempt.get('host') or '?'} {place}" if several_hosts else place


def _epochs(attempt: Mapping[str, Any]) -> str:
    begun, done = attempt.get("from_epoch"), attempt.get("epochs")
    if begun is None and done is None:
        return "-"
    return f"{'?' if begun is None else begun} to {'?' if done is None else done}"
