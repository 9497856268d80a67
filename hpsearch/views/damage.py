"""What is damaged of a study, as `hpsearch fsck` prints it: a row each, and a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from hpsearch.search.damage import Damage
from hpsearch.search.fsck import Examined

_WIDEST = 24  # trial-0007/last.json.tmp


def damage_table(damages: Sequence[Damage]) -> Table:
    """Returns one row a damage: what it concerns, where, what is wrong, what --repair would do.

    The really damaged come first; what is only good to know has a `-` for its repair.
    """
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column("what", no_wrap=True)
    longest = max((len(damage.where) for damage in damages), default=0)
    table.add_column("where", overflow="fold", min_width=min(longest, _WIDEST))
    table.add_column("found", ratio=3)
    table.add_column("--repair", ratio=2)
    for damage in sorted(damages, key=lambda damage: damage.harmless):
        style = "dim" if damage.harmless else ""
        table.add_row(
            Text(damage.kind, style=style or "yellow"),
            Text(damage.where, style=style),
            Text(damage.text, style=style),
            _repair(damage),
        )
    return table


def verdict(examined: Examined) -> str:
    """Returns in a sentence how much is damaged, and how much of it --repair would put right."""
    found = len(examined.left)
    if not found:
        return f"{examined.study} is sound: {_trials(examined)}"
    can = sum(damage.repair is not None for damage in examined.left)
    if found == 1:
        words = f"1 damage; --repair {'puts' if can else 'cannot put'} it right"
    else:
        share = {0: "none", found: "all"}.get(can, str(can))
        words = f"{found} damages; --repair puts {share} of them right"
    return f"{examined.study} has {words}; {_trials(examined)}"


def repaired_words(found: Examined, left: Examined) -> str:
    """Returns in a sentence what a repair came to."""
    done = sum(damage.repair is not None for damage in found.left)
    if not found.left:
        return f"{found.study} is sound: {_trials(found)}; there was nothing to repair"
    if not left.left:
        return f"{found.study}: {done} repaired; it is sound now"
    return f"{found.study}: {done} repaired, {len(left.left)} left that cannot be"


def _trials(examined: Examined) -> str:
    count = f"{examined.trials} trial{'' if examined.trials == 1 else 's'} looked at"
    if examined.owner is None:
        return count
    return f"{count}; a run is going on ({examined.owner}), and its running trials were not judged"


def _repair(damage: Damage) -> Text:
    if damage.harmless:
        return Text("-", style="dim")
    if damage.repair is None:
        return Text("cannot", style="red")
    return Text(damage.repair.words, style="green")
