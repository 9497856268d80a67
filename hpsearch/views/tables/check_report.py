"""What `hpsearch check` prints: the space, then the results of real batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hpsearch.measure.cost import estimate
from hpsearch.views.tables.check import (
    branch_table,
    cost_words,
    is_infeasible,
    not_ready_words,
    parameter_table,
    size_words,
    trains,
)

if TYPE_CHECKING:
    from rich.console import Console

    from hpsearch.measure.extremes import Extreme
    from hpsearch.studyfile.study import StudySpec


def print_space(console: Console, spec: StudySpec, file: str) -> None:
    """Prints what a study file searches."""
    console.print(f"{file} is valid: {size_words(spec.space)}\n", markup=False, soft_wrap=True)
    if spec.space.parameters:
        console.print(parameter_table(spec.space), "")


def print_probes(
    console: Console,
    spec: StudySpec,
    slots: int,
    settings: Sequence[Extreme],
    probes: Sequence[Mapping[str, Any]],
) -> bool:
    """Prints the result of each setting and the cost of the search; returns whether it can run.

    Args:
        console: where.
        spec: the study.
        slots: how many trials train at once.
        settings: the settings that were tried.
        probes: the result of each.
    """
    console.print(branch_table(settings, probes), "")
    tried = [probe for probe in probes if trains(probe)]
    if not tried or not all(trains(probe) or is_infeasible(probe) for probe in probes):
        console.print(
            not_ready_words(settings, probes), markup=False, style="bold red", soft_wrap=True
        )
        return False
    for note in dict.fromkeys(note for probe in tried for note in probe["notes"]):
        console.print(f"note: {note}", markup=False, soft_wrap=True)
    cost = estimate(tried, spec.trials, slots)
    console.print(cost_words(cost, spec.trials, slots), soft_wrap=True)
    return True
