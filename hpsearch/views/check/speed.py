"""`check --speed`: each variant is timed in its own process, in rounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING

from rich.text import Text

from hpsearch.measure.speed import GAIN, Measurement, is_faster, speedups
from hpsearch.measure.speed_choice import (
    choose_speed,
    earned_after,
    epochs_of,
    is_worse,
    objective_words,
    paying,
)
from hpsearch.protocol.types import Direction, primary
from hpsearch.views.console import head_table
from hpsearch.views.formatting import counted, speed_words, spell

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from hpsearch.studyfile.study import StudySpec


def print_speed(console: Console, measured: Sequence[Measurement], spec: StudySpec) -> None:
    """Prints the speed of each variant, starting with the file as it is, and a recommendation."""
    baseline, *others = measured
    if baseline.failure:
        console.print(f"The speed cannot be measured: {baseline.failure}", "", markup=False)
        return
    console.print(speed_table(baseline, others), "")
    words = recommendation(baseline, others, epochs_of(baseline.variant.config), spec.objectives)
    if spec.measures_speed:
        words = f"Now, speed: {speed_words(choose_speed(measured, spec))}."
    console.print(words, markup=False, soft_wrap=True)


def speed_table(baseline: Measurement, others: Sequence[Measurement]) -> Table:
    """Returns one row for each variant: speed, speedup with its range, compile time."""
    table = head_table()
    table.add_column("variant", no_wrap=True)
    table.add_column("samples/s", justify="right", no_wrap=True)
    table.add_column("times the file's", no_wrap=True)
    table.add_column("compiling", no_wrap=True)
    table.add_column("in the study file", overflow="fold")
    table.add_row(baseline.variant.name, _rate(baseline), "1", _compiling(baseline), "")
    for other in others:
        if other.failure:
            table.add_row(other.variant.name, "-", "-", "-", Text(other.failure, style="red"))
            continue
        each = speedups(baseline, other)
        times = f"{median(each):.2f} ({min(each):.2f} to {max(each):.2f})"
        write = Text(other.variant.write)
        table.add_row(other.variant.name, _rate(other), times, _compiling(other), write)
    return table


def _rate(timed: Measurement) -> str:
    rate = median(each["samples_per_second"] for each in timed.rounds)
    return f"{rate:,.0f}" if rate else "-"


def _compiling(timed: Measurement) -> str:
    first, *later = (each["compile_seconds"] for each in timed.rounds)
    if not first:
        return ""
    return f"{spell(first)}, again {spell(median(later))}" if later else spell(first)


def recommendation(
    baseline: Measurement,
    others: Sequence[Measurement],
    epochs: int,
    objectives: Mapping[str, Direction],
) -> str:
    """Returns what to write into the study file and why, or that nothing is worth it.

    Args:
        baseline: the study file as it is.
        others: the variants.
        epochs: how many epochs a trial trains.
        objectives: of the study; the first was compared.
    """
    objective, direction = primary(objectives)
    found = paying(baseline, others, epochs, direction)
    left = [other for other in others if is_faster(baseline, other) and other not in found]
    reasons = [
        _worse(baseline, other, objective)
        if is_worse(baseline, other, direction)
        else _too_late(baseline, other, epochs)
        for other in left
    ]
    if not found:
        rule = f"None gains more than {GAIN - 1:.0%} in every round"
        words = f"{rule}{' and is worth it' if left else ''}: leave the file as it is."
        return " ".join([words, *reasons])
    best, *rest = found
    each = speedups(baseline, best)
    words = (
        f"Write {best.variant.write}: {median(each):.2f} times as fast ({min(each):.2f} at least)"
    )
    if best.compile_s:
        words += (
            f", which makes up for {spell(best.compile_s)} of compiling after"
            f" {_count(earned_after(baseline, best))} of a trial's {counted(epochs, 'epoch')}"
        )
    compared = objective_words(baseline, best, objective)
    also = [f"Then check --speed again: {_names(rest)} may add to it."] if rest else []
    return " ".join([f"{words}.", *[f"{compared}: no worse."] * bool(compared), *also, *reasons])


def _worse(baseline: Measurement, other: Measurement, objective: str) -> str:
    compared = objective_words(baseline, other, objective)
    return f"{other.variant.name} makes it worse: {compared}."


def _too_late(baseline: Measurement, other: Measurement, epochs: int) -> str:
    return (
        f"{other.variant.name} takes {spell(other.compile_s)} to compile, which pays off"
        f" after {_count(earned_after(baseline, other))} epochs; a trial has {epochs}."
    )


def _count(epochs: float) -> str:
    return f"{epochs:.1f}" if epochs < 10 else f"{epochs:,.0f}"


def _names(timed: Sequence[Measurement]) -> str:
    return " and ".join(each.variant.name for each in timed)
