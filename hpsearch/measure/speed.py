"""What would make trials faster: the ways there are, and what their measurement says of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from hpsearch.views.formatting import spell

ROUNDS = 3
GAIN = 1.05  # what is less is not worth a line in a study file


@dataclass(frozen=True)
class Variant:
    """One way to train the same setting.

    Attributes:
        name: what the table calls it.
        write: what stands in a study file whose trials train so; empty for the file as it is.
        config: the sections of a setting, filled in, with that line.
        caution: what to know besides its speed; may be empty.
    """

    name: str
    write: str
    config: Mapping[str, Any]
    caution: str = ""


@dataclass(frozen=True)
class Measurement:
    """A way and what its rounds took.

    Attributes:
        way: the way.
        rounds: what `trial.throughput` told of each round, in their order; a round of several
            ways is at about the same time.
        failure: why it cannot be taken; empty if it can.
    """

    way: Variant
    rounds: Sequence[Mapping[str, Any]]
    failure: str = ""

    @property
    def step_s(self) -> float:
        """Seconds of a step, the median of the rounds."""
        return float(median(each["seconds_per_step"] for each in self.rounds))

    @property
    def compile_s(self) -> float:
        """Seconds of compiling where nothing like it has been compiled before."""
        return float(self.rounds[0]["compile_seconds"])


def baseline(config: Mapping[str, Any]) -> Variant:
    """Returns the way that the study file says."""
    return Variant("as the file says", "", config)


def possible_variants(
    config: Mapping[str, Any], *, takes_channels_last: bool, gpu: bool
) -> list[Variant]:
    """Returns the ways that differ from what the study file says.

    Args:
        config: the sections of a setting, filled in.
        takes_channels_last: whether the module has weights that are not laid out so already.
        gpu: whether trials train on a GPU.
    """
    variants = []
    if takes_channels_last:
        variants.append(_faster(config, "channels_last", True))
    if str(config["trainer"].get("precision")) != "bf16-mixed":
        trainer = {**config["trainer"], "precision": "bf16-mixed"}
        caution = "It computes with fewer digits: compare the objective, too."
        variants.append(
            Variant(
                "bf16-mixed",
                "trainer.precision: bf16-mixed",
                {**config, "trainer": trainer},
                caution,
            )
        )
    modes: tuple[bool | str, ...] = (True, "reduce-overhead") if gpu else (True,)
    said = (config.get("speed") or {}).get("compile", False)
    return variants + [_faster(config, "compile", mode) for mode in modes if mode != said]


def _faster(config: Mapping[str, Any], key: str, value: bool | str) -> Variant:
    name = key if value is True else f"{key}: {value}"
    speed = {**(config.get("speed") or {}), key: value}
    line = ", ".join(f"{each}: {str(said).lower()}" for each, said in speed.items())
    return Variant(name, f"speed: {{{line}}}", {**config, "speed": speed})


def speedups(own: Measurement, other: Measurement) -> list[float]:
    """Returns, round by round, how many steps it takes while the file's own way takes one."""
    return [
        ours["seconds_per_step"] / theirs["seconds_per_step"]
        for ours, theirs in zip(own.rounds, other.rounds, strict=True)
    ]


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
