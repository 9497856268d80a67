"""Growth: the time of one ask, report, tell, status and resume as a study grows."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from contest import HERE, Setting, run
from table import Measured, figures_of, markdown, names, spread

SIZES = (100, 1_000, 10_000)
CONTESTANTS = {"hpsearch": "hpsearch", "Optuna's RDBStorage": "optuna"}
STEPS = ("ask", "report", "tell", "status", "resume")


def measure(setting: Setting, turn: int) -> Iterator[Measured]:
    """Continues a study of each size, alternating between contestants."""
    for size in SIZES:
        case = f"{size:,} trials"
        for contestant in list(CONTESTANTS)[:: -1 if turn % 2 else 1]:
            if not setting.wanted(case, contestant):
                continue
            program = str(HERE / "own" / "growth.py")
            trials = setting.sized(size, minimum=20)
            command = [sys.executable, program, CONTESTANTS[contestant], str(trials)]
            (said,) = run([command], setting.new_folder()).said
            yield Measured(case, contestant, said)


def table(lines: Sequence[Measured]) -> str:
    """Returns milliseconds, a row for each size and contestant."""
    head = ("", *(f"{step.capitalize()}, ms" for step in STEPS), "n")
    rows = [
        _row(lines, case, contestant) for case in names(lines, "case") for contestant in CONTESTANTS
    ]
    return markdown(head, rows)


def _row(lines: Sequence[Measured], case: str, contestant: str) -> list[str]:
    found = [figures_of(lines, case, contestant, f"{step}_ms") for step in STEPS]
    cells = [spread(values.values(), 2) for values in found]
    return [f"{case}: {contestant}", *cells, str(len(found[0]))]
