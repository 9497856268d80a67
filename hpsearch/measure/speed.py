"""What would make trials faster: the variants of a study file, and how fast each trains."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from hpsearch.engines.slots import Slot
from hpsearch.engines.subprocess_call import subprocesses
from hpsearch.errors import SearchError
from hpsearch.measure.extremes import Extreme, middle
from hpsearch.protocol.job import Placement
from hpsearch.studyfile.study import StudySpec

# Shows a line of text while its block runs.
Status = Callable[[str], AbstractContextManager[object]]
_SHOWN = 160
ROUNDS = 3
GAIN = 1.05  # smaller gains are not worth a line in a study file


@dataclass(frozen=True)
class Variant:
    """One way to train the same setting.

    Attributes:
        name: what the table calls it.
        write: the line for the study file; empty for the file as it is.
        config: the sections of a setting, filled in, with that line.
        caution: what else to know about it; may be empty.
    """

    name: str
    write: str
    config: Mapping[str, Any]
    caution: str = ""


@dataclass(frozen=True)
class Measurement:
    """A variant and what its rounds took.

    Attributes:
        variant: what was timed.
        rounds: what `trial.probes.throughput` measured in each round, in order; the same round of
            several variants ran at about the same time.
        failure: why it cannot be taken; empty if it can.
    """

    variant: Variant
    rounds: Sequence[Mapping[str, Any]]
    failure: str = ""

    @property
    def step_s(self) -> float:
        """Seconds of a step, the median of the rounds."""
        return float(median(each["seconds_per_step"] for each in self.rounds))

    @property
    def compile_s(self) -> float:
        """Seconds of compiling without a cache."""
        return float(self.rounds[0]["compile_seconds"])


def baseline(config: Mapping[str, Any]) -> Variant:
    """Returns the study file as it is."""
    return Variant("as the file says", "", config)


def possible_variants(
    config: Mapping[str, Any], *, takes_channels_last: bool, gpu: bool
) -> list[Variant]:
    """Returns the variants that differ from the study file.

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
        caution = "It computes with lower precision: compare the objective, too."
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


def speedups(baseline: Measurement, other: Measurement) -> list[float]:
    """Returns, round by round, how many steps a variant takes while the baseline takes one."""
    return [
        ours["seconds_per_step"] / theirs["seconds_per_step"]
        for ours, theirs in zip(baseline.rounds, other.rounds, strict=True)
    ]


def measure_speed(spec: StudySpec, slot: Slot, status: Status) -> list[Measurement]:
    """Returns every variant of the middle of the space, the file as it is first.

    Each is timed in several rounds.

    Args:
        spec: the study.
        slot: where.
        status: shows a line of text inside its block, such as rich's `console.status`.
    """
    with tempfile.TemporaryDirectory() as folder, subprocesses() as call:
        return _Bench(status, spec, middle(spec.space), slot, Path(folder), call).rounds()


class _Bench:
    """Runs the variants in turn, so that other load on the machine affects all of them alike."""

    def __init__(
        self,
        status: Status,
        spec: StudySpec,
        setting: Extreme,
        slot: Slot,
        folder: Path,
        call: Callable[..., Any],
    ) -> None:
        self._status, self._spec, self._setting = status, spec, setting
        self._slot, self._folder, self._call = slot, folder, call

    def rounds(self) -> list[Measurement]:
        """Returns every variant, the baseline first, with all its rounds."""
        config = self._setting.config
        variants = [baseline(config)]
        measured = [[self._time(variants[0], 1)]]
        if "failure" not in measured[0][0]:
            lays_out = measured[0][0]["takes_channels_last"]
            on_gpu = self._slot.device != "cpu"
            variants += possible_variants(config, takes_channels_last=lays_out, gpu=on_gpu)
            measured += [[self._time(variant, 1)] for variant in variants[1:]]
        for number in range(2, ROUNDS + 1):
            pairs = [*zip(variants, measured, strict=True)]
            # In alternating order, so that no variant is always first.
            for variant, rounds in pairs if number % 2 else reversed(pairs):
                if "failure" not in rounds[-1]:
                    rounds.append(self._time(variant, number))
        return [
            Measurement(variant, rounds, str(rounds[-1].get("failure", "")))
            for variant, rounds in zip(variants, measured, strict=True)
        ]

    def _time(self, variant: Variant, number: int) -> Mapping[str, Any]:
        setting, slot = self._setting, self._slot
        # No blanks in its name: a compiler gets files from it.
        cache = self._folder / "".join(filter(str.isalnum, variant.name))
        job = self._spec.job(
            0, setting.params, variant.config, Placement(self._folder, slot.device, slot.threads)
        )
        with self._status(f"timing round {number} of {ROUNDS}: {variant.name}"):
            try:
                measured: Mapping[str, Any] = self._call(
                    "hpsearch.trial.probes.throughput:throughput", job, str(cache)
                )
            except SearchError as error:
                return {"failure": str(error).partition(";")[0]}
        if "failure" in measured:
            return {"failure": measured["failure"][:_SHOWN]}
        return measured
