"""`check --speed`: each variant is timed in its own process, in rounds."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING

from rich.text import Text

from hpsearch.measure.speed import GAIN, Measurement, speedups
from hpsearch.views.console import head_table
from hpsearch.views.formatting import spell

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


def print_speed(console: Console, measured: Sequence[Measurement]) -> None:
    """Prints the speed of each variant, starting with the file as it is, and a recommendation."""
    baseline, *others = measured
    if baseline.failure:
        console.print(f"The speed cannot be measured: {baseline.failure}", "", markup=False)
        return
    console.print(speed_table(baseline, others), "")
    epochs = baseline.variant.config["trainer"].get("max_epochs")
    epochs = epochs if isinstance(epochs, int) and epochs > 0 else 1
    console.print(recommendation(baseline, others, epochs), markup=False, soft_wrap=True)


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


def recommendation(baseline: Measurement, others: Sequence[Measurement], epochs: int) -> str:
    """Returns what to write into the study file and why, or that nothing is worth it.

    Recommends what gains more than 5 % in every round and makes up for its compiling within a
    trial.

    Args:
        baseline: the study file as it is.
        others: the variants.
        epochs: how many epochs a trial trains.
    """
    faster = [o for o in others if not o.failure and min(speedups(baseline, o)) > GAIN]
    paying = [o for o in faster if _earned_after(baseline, o) < epochs]
    paying.sort(key=lambda other: _trial_seconds(other, epochs))
    late = [_too_late(baseline, other, epochs) for other in faster if other not in paying]
    if not paying:
        rule = f"None gains more than {GAIN - 1:.0%} in every round"
        words = f"{rule}{' and makes up for compiling' if late else ''}: leave the file as it is."
        return " ".join([words, *late])
    best, *rest = paying
    each = speedups(baseline, best)
    words = (
        f"Write {best.variant.write}: {median(each):.2f} times as fast ({min(each):.2f} at least)"
    )
    if best.compile_s:
        words += (
            f", which makes up for {spell(best.compile_s)} of compiling after"
            f" {_count(_earned_after(baseline, best))} of a trial's {epochs} epochs"
        )
    also = [f"Then check --speed again: {_names(rest)} may add to it."] if rest else []
    return " ".join(filter(None, [f"{words}.", best.variant.caution, *also, *late]))


def _earned_after(baseline: Measurement, other: Measurement) -> float:
    """Returns after how many epochs compiling pays off; 0 if epochs have no length."""
    extra = other.compile_s - baseline.compile_s
    steps = other.rounds[0]["steps_per_epoch"]
    return max(extra, 0.0) / (baseline.step_s - other.step_s) / steps if steps else 0.0


def _trial_seconds(timed: Measurement, epochs: int) -> float:
    steps = timed.rounds[0]["steps_per_epoch"] * epochs
    return timed.compile_s + (steps or 1) * timed.step_s


def _too_late(baseline: Measurement, other: Measurement, epochs: int) -> str:
    return (
        f"{other.variant.name} takes {spell(other.compile_s)} to compile, which pays off"
        f" after {_count(_earned_after(baseline, other))} epochs; a trial has {epochs}."
    )


def _count(epochs: float) -> str:
    return f"{epochs:.1f}" if epochs < 10 else f"{epochs:,.0f}"


def _names(timed: Sequence[Measurement]) -> str:
    return " and ".join(each.variant.name for each in timed)
