"""What is damaged of a study, as `hpsearch fsck` prints it: a row each, and a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from hpsearch.search.fsck import FsckReport, Problem, Rebuilt

_WIDEST = 24  # trial-0007/last.json.tmp


def damage_table(damages: Sequence[Problem]) -> Table:
    """Returns one row a damage: what it concerns, where, what is wrong, what --repair would do.

    The really damaged come first; what is only good to know has a `-` for its repair.
    """
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column("what", no_wrap=True)
    longest = max((len(problem.where) for problem in damages), default=0)
    table.add_column("where", overflow="fold", min_width=min(longest, _WIDEST))
    table.add_column("found", ratio=3)
    table.add_column("--repair", ratio=2)
    for problem in sorted(damages, key=lambda problem: problem.harmless):
        style = "dim" if problem.harmless else ""
        table.add_row(
            Text(problem.kind, style=style or "yellow"),
            Text(problem.where, style=style),
            Text(problem.text, style=style),
            _repair(problem),
        )
    return table


def verdict(report: FsckReport) -> str:
    """Returns in a sentence how much is damaged, and how much of it --repair would put right."""
    found = len(report.left)
    if not found:
        return f"{report.study} is sound: {_trials(report)}"
    can = sum(problem.repair is not None for problem in report.left)
    if found == 1:
        words = f"1 damage; --repair {'puts' if can else 'cannot put'} it right"
    else:
        share = {0: "none", found: "all"}.get(can, str(can))
        words = f"{found} damages; --repair puts {share} of them right"
    return f"{report.study} has {words}; {_trials(report)}"


def repaired_words(found: FsckReport, left: FsckReport) -> str:
    """Returns in a sentence what a repair came to."""
    done = sum(problem.repair is not None for problem in found.left)
    if not found.left:
        return f"{found.study} is sound: {_trials(found)}; there was nothing to repair"
    if not left.left:
        return f"{found.study}: {done} repaired; it is sound now"
    return f"{found.study}: {done} repaired, {len(left.left)} left that cannot be"


def rebuilt_words(name: str, rebuilt: Rebuilt) -> str:
    """Returns what a database that was made again holds."""
    words = f"{name} is made again from {rebuilt.folder}: {rebuilt.trials} trials"
    words += f", {rebuilt.finished} finished"
    for left_out in rebuilt.left_out:
        words += f"\nleft out: {left_out}; it is trained again"
    return words


def _trials(report: FsckReport) -> str:
    count = f"{report.trials} trial{'' if report.trials == 1 else 's'} looked at"
    if report.owner is None:
        return count
    return f"{count}; a run is going on ({report.owner}), and its running trials were not judged"


def _repair(problem: Problem) -> Text:
    if problem.harmless:
        return Text("-", style="dim")
    if problem.repair is None:
        return Text("cannot", style="red")
    return Text(problem.repair.words, style="green")
