"""`check --speed`: each way to train is timed in a process of its own, in rounds."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hpsearch.engines.slots import Slot
from hpsearch.measure.extremes import middle
from hpsearch.measure.speed import GAIN, Measurement, measure_speed, speedups
from hpsearch.studyfile.study import StudySpec
from hpsearch.views.formatting import spell


def print_speed(console: Console, spec: StudySpec, slot: Slot) -> None:
    """Times the middle of the space in every way, and prints them and what is worth its line."""
    setting = middle(spec.space)
    own, *others = measure_speed(spec, setting, slot, console.status)
    if own.failure:
        console.print(f"The speed cannot be measured: {own.failure}", "", markup=False)
        return
    console.print(speed_table(own, others), "")
    epochs = setting.config["trainer"].get("max_epochs")
    epochs = epochs if isinstance(epochs, int) and epochs > 0 else 1
    console.print(recommendation(own, others, epochs), markup=False, soft_wrap=True)


def speed_table(own: Measurement, others: Sequence[Measurement]) -> Table:
    """Returns a row each: its speed, its gain with the least and the greatest, its compiling."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column("way", no_wrap=True)
    table.add_column("samples/s", justify="right", no_wrap=True)
    table.add_column("times the file's", no_wrap=True)
    table.add_column("compiling", no_wrap=True)
    table.add_column("in the study file", overflow="fold")
    table.add_row(own.way.name, _rate(own), "1", _compiling(own), "")
    for other in others:
        if other.failure:
            table.add_row(other.way.name, "-", "-", "-", Text(other.failure, style="red"))
            continue
        each = speedups(own, other)
        times = f"{median(each):.2f} ({min(each):.2f} to {max(each):.2f})"
        write = Text(other.way.write)
        table.add_row(other.way.name, _rate(other), times, _compiling(other), write)
    return table


def _rate(timed: Measurement) -> str:
    rate = median(each["samples_per_second"] for each in timed.rounds)
    return f"{rate:,.0f}" if rate else "-"


def _compiling(timed: Measurement) -> str:
    first, *later = (each["compile_seconds"] for each in timed.rounds)
    if not first:
        return ""
    return f"{spell(first)}, again {spell(median(later))}" if later else spell(first)


def recommendation(own: Measurement, others: Sequence[Measurement], epochs: int) -> str:
    """Returns what to write into the study file, and why; or that nothing is worth it.

    Recommended is what gains more than 5 % in every round, and earns its compiling back within a
    trial.

    Args:
        own: the file's own way.
        others: the others.
        epochs: how many epochs a trial trains.
    """
    faster = [o for o in others if not o.failure and min(speedups(own, o)) > GAIN]
    paying = [o for o in faster if _earned_after(own, o) < epochs]
    paying.sort(key=lambda other: _trial_seconds(other, epochs))
    late = [_too_late(own, other, epochs) for other in faster if other not in paying]
    if not paying:
        rule = f"None gains more than {GAIN - 1:.0%} in every round"
        words = f"{rule}{' and earns its compiling back' if late else ''}: leave the file as it is."
        return " ".join([words, *late])
    best, *rest = paying
    each = speedups(own, best)
    words = f"Write {best.way.write}: {median(each):.2f} times as fast ({min(each):.2f} at least)"
    if best.compile_s:
        words += (
            f", its {spell(best.compile_s)} of compiling earned back after"
            f" {_count(_earned_after(own, best))} of a trial's {epochs} epochs"
        )
    also = [f"Then check --speed again: {_names(rest)} may add to it."] if rest else []
    return " ".join(filter(None, [f"{words}.", best.way.caution, *also, *late]))


def _earned_after(own: Measurement, other: Measurement) -> float:
    """Returns the epochs after which compiling is earned back; 0 where an epoch has no length."""
    extra = other.compile_s - own.compile_s
    steps = other.rounds[0]["steps_per_epoch"]
    return max(extra, 0.0) / (own.step_s - other.step_s) / steps if steps else 0.0


def _trial_seconds(timed: Measurement, epochs: int) -> float:
    steps = timed.rounds[0]["steps_per_epoch"] * epochs
    return timed.compile_s + (steps or 1) * timed.step_s


def _too_late(own: Measurement, other: Measurement, epochs: int) -> str:
    return (
        f"{other.way.name} takes {spell(other.compile_s)} to compile, which"
        f" {_count(_earned_after(own, other))} epochs earn back; a trial has {epochs}."
    )


def _count(epochs: float) -> str:
    return f"{epochs:.1f}" if epochs < 10 else f"{epochs:,.0f}"


def _names(timed: Sequence[Measurement]) -> str:
    return " and ".join(each.way.name for each in timed)
