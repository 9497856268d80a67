"""What a study searches: its parameters, their values, and how many configurations there are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rich.text import Text

from hpsearch.studyfile.distributions import Choice, Distribution
from hpsearch.views import formatting
from hpsearch.views.console import head_table

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from hpsearch.studyfile.space import Space
    from hpsearch.studyfile.study import StudySpec


def print_space(console: Console, spec: StudySpec, file: str) -> None:
    """Prints what a study file searches."""
    console.print(f"{file} is valid: {size_words(spec.space)}\n", markup=False, soft_wrap=True)
    if spec.space.parameters:
        console.print(parameter_table(spec.space), "")


def size_words(space: Space) -> str:
    """Returns `7 parameters, 1,024 configurations`, or that they cannot be counted."""
    count, size = len(space.parameters), space.size()
    parameters = f"{count} parameter{'' if count == 1 else 's'}"
    if not count:
        return "nothing is searched: one configuration"
    if math.isinf(size):
        return f"{parameters}, too many configurations to count (a range without steps)"
    return f"{parameters}, {size:,.0f} configurations"


def distribution_words(distribution: Distribution) -> str:
    """Returns `8 to 64, whole, log`, `0 to 0.5 in steps of 0.1`, `64 | 128 | 256`."""
    if isinstance(distribution, Choice):
        return " | ".join(formatting.setting(option) for option in distribution.options)
    low, high = (f"{bound:g}" for bound in distribution.bounds())
    words = f"{low} to {high}"
    if isinstance(distribution.step, float) or (distribution.step or 1) != 1:
        words += f" in steps of {distribution.step:g}"
    elif isinstance(distribution.low, int):
        words += ", whole"
    return words + (", log" if distribution.log else "")


def parameter_table(space: Space) -> Table:
    """Returns each parameter and the values it may take."""
    table = head_table()
    table.add_column("parameter", no_wrap=True)
    table.add_column("values", overflow="fold")
    for name, distribution in space.parameters.items():
        table.add_row(Text(name), Text(distribution_words(distribution)))
    return table
