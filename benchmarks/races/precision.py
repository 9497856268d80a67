"""Lower precision: bf16 in hpsearch beside full precision, here and in the loop by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from contest import Setting
from peers.work import RATES, Task, Work
from races.same_work import (
    CASES,
    HERO,
    Case,
    case_table,
    compete,
    figures_of_ours,
    run_hpsearch,
    take_turns,
)
from table import Measured, names

LOWER = "hpsearch, trainer.precision: bf16-mixed"
CONTESTANTS = (HERO, LOWER, "Optuna + loop by hand, 2 processes")
CASES_HERE = {
    "cnn-128": CASES["cnn-128"],
    "residual-128": Case(Task("residual", 128), len(RATES), 1),
}


def measure(setting: Setting, turn: int) -> Iterator[Measured]:
    """Runs every contestant once in every case; every other round in reverse order."""
    return take_turns(setting, turn, CASES_HERE, CONTESTANTS, _compete)


def _compete(contestant: str, work: Work) -> Mapping[str, float]:
    if contestant == LOWER:
        return figures_of_ours(run_hpsearch(work, precision="bf16-mixed"), work)
    return compete(contestant, work)


def table(lines: Sequence[Measured]) -> str:
    """Returns a table for each case, as that of the same work."""
    measured = names(lines, "case")
    return "\n\n".join(
        case_table(lines, case, CONTESTANTS) for case in CASES_HERE if case in measured
    )
