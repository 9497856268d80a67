"""A study's problems as `hpsearch fsck` prints them: one row each, and a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from hpsearch.views.console import head_table
from hpsearch.views.formatting import counted

if TYPE_CHECKING:
    from rich.table import Table

    from hpsearch.search.fsck import FsckReport, Problem, Rebuilt

_WIDEST = 24  # trial-0007/last.json.tmp


def problem_table(problems: Sequence[Problem]) -> Table:
    """Returns one row per problem: what it concerns, where, what is wrong, what --repair would do.

    Errors come first; for information only, the repair is `-`.
    """
    table = head_table()
    table.add_column("what", no_wrap=True)
    longest = max((len(problem.where) for problem in problems), default=0)
    table.add_column("where", overflow="fold", min_width=min(longest, _WIDEST))
    table.add_column("found", ratio=3)
    table.add_column("--repair", ratio=2)
    for problem in sorted(problems, key=lambda problem: problem.info_only):
        style = "dim" if problem.info_only else ""
        table.add_row(
            Text(problem.kind, style=style or "yellow"),
            Text(problem.where, style=style),
            Text(problem.text, style=style),
            _repair(problem),
        )
    return table


def summary(report: FsckReport) -> str:
    """Returns a sentence on how many problems there are, and how many of them --repair fixes."""
    found = len(report.errors)
    if not found:
        return f"{report.study} is sound: {_trials(report)}"
    can = sum(problem.repair is not None for problem in report.errors)
    if found == 1:
        words = f"1 problem; --repair {'fixes' if can else 'cannot fix'} it"
    else:
        share = {0: "none", found: "all"}.get(can, str(can))
        words = f"{found} problems; --repair fixes {share} of them"
    return f"{report.study} has {words}; {_trials(report)}"


def repaired_words(found: FsckReport, after: FsckReport) -> str:
    """Returns one sentence on the result of a repair."""
    done = sum(problem.repair is not None for problem in found.errors)
    if not found.errors:
        return f"{found.study} is sound: {_trials(found)}; there was nothing to repair"
    if not after.errors:
        return f"{found.study}: {done} repaired; it is sound now"
    return f"{found.study}: {done} repaired, {len(after.errors)} that cannot be"


def rebuilt_words(name: str, rebuilt: Rebuilt) -> str:
    """Returns the contents of a rebuilt database."""
    words = f"{name} was rebuilt from {rebuilt.folder}: {counted(rebuilt.trials, 'trial')}"
    words += f", {rebuilt.finished} finished"
    for left_out in rebuilt.left_out:
        words += f"\nleft out: {left_out}; it is trained again"
    return words


def _trials(report: FsckReport) -> str:
    count = f"{report.trials} trial{'' if report.trials == 1 else 's'} checked"
    if report.owner is None:
        return count
    return f"{count}; {report.owner} runs it now; its running trials were not checked"


def _repair(problem: Problem) -> Text:
    if problem.info_only:
        return Text("-", style="dim")
    if problem.repair is None:
        return Text("cannot", style="red")
    return Text(problem.repair.words, style="green")
