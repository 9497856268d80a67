"""What would make trials faster: the variants of a study file, how fast and how well they train."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from hpsearch.classes.components import class_modules
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
SEEDS = 3
# All of it takes at most two minutes, also beside other work.
ROUNDS_S, LIMIT_S = 45.0, 80.0
# Of a variant, compiled or not; the longest of the three. On a busy machine, a first round of the
# file as it is takes as much longer.
LONGEST_S, LONGEST_STEPS, LONGEST_TIMES = 20.0, 20, 3
TRAINED_S = 1.0, 4.0  # seconds of training before an objective is compared
FEWEST_STEPS = 10


@dataclass(frozen=True)
class Variant:
    """One way to train the same setting.

    Attributes:
        name: what the table calls it.
        changes: what the study file would say, by dotted name; nothing for the file as it is.
        config: the sections of a setting, filled in, with these changes.
        lowers_precision: whether it lowers the precision, so that the objective may suffer.
    """

    name: str
    changes: Mapping[str, Any]
    config: Mapping[str, Any]
    lowers_precision: bool = False

    @property
    def write(self) -> str:
        """The line for the study file; empty for the file as it is."""
        return change_words(self.changes)


@dataclass(frozen=True)
class Measurement:
    """A variant and what its rounds took.

    Attributes:
        variant: what was timed.
        rounds: what `trial.probes.throughput` measured in each round, in order; the same round of
            several variants ran at about the same time.
        failure: why it cannot be taken; empty if it can.
        values: the objective after a short training with each of several seeds, the same seeds for
            all; empty where it was not asked for.
        steps: how many steps that training took.
    """

    variant: Variant
    rounds: Sequence[Mapping[str, Any]]
    failure: str = ""
    values: Sequence[float] = ()
    steps: int = 0

    @property
    def step_s(self) -> float:
        """Seconds of a step, the median of the rounds."""
        return float(median(each["seconds_per_step"] for each in self.rounds))

    @property
    def compile_s(self) -> float:
        """Seconds of compiling without a cache."""
        return float(self.rounds[0]["compile_seconds"])


def change_words(changes: Mapping[str, Any]) -> str:
    """Returns changes as a study file would say them: `speed: {channels_last: true}`."""
    return ", ".join(f"{name}: {_as_yaml(value)}" for name, value in changes.items())


def _as_yaml(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {_as_yaml(each)}' for key, each in value.items())}}}"
    return str(value).lower() if isinstance(value, bool) else str(value)


def baseline(config: Mapping[str, Any]) -> Variant:
    """Returns the study file as it is."""
    return Variant("as the file says", {}, config)


def possible_variants(
    config: Mapping[str, Any], found: Mapping[str, Any], *, gpu: bool, compiling: bool = True
) -> list[Variant]:
    """Returns the variants that differ from the study file.

    Args:
        config: the sections of a setting, filled in.
        found: what the throughput of the file as it is has shown.
        gpu: whether trials train on a GPU.
        compiling: whether those that compile are among them.
    """
    said = config.get("speed") or {}
    variants = [
        _faster(config, key, True)
        for key in ("channels_last", "onednn")
        if found[f"takes_{key}"] and not said.get(key)
    ]
    if str(config["trainer"].get("precision")) != "bf16-mixed":
        trainer = {**config["trainer"], "precision": "bf16-mixed"}
        changes = {"trainer.precision": "bf16-mixed"}
        lower = Variant("bf16-mixed", changes, {**config, "trainer": trainer}, True)
        variants.append(lower)
    modes: tuple[bool | str, ...] = (True, "reduce-overhead") if gpu else (True,)
    wanted = [mode for mode in modes * compiling if mode != said.get("compile", False)]
    return variants + [_faster(config, "compile", mode) for mode in wanted]


def _faster(config: Mapping[str, Any], key: str, value: bool | str) -> Variant:
    name = key if value is True else f"{key}: {value}"
    speed = {**(config.get("speed") or {}), key: value}
    return Variant(name, {"speed": speed}, {**config, "speed": speed})


def speedups(baseline: Measurement, other: Measurement) -> list[float]:
    """Returns, round by round, how many steps a variant takes while the baseline takes one."""
    return [
        ours["seconds_per_step"] / theirs["seconds_per_step"]
        for ours, theirs in zip(baseline.rounds, other.rounds, strict=True)
    ]


def is_faster(baseline: Measurement, other: Measurement) -> bool:
    """Returns whether a variant can be taken and is faster in every round."""
    return not other.failure and min(speedups(baseline, other)) > GAIN


def measure_speed(
    spec: StudySpec, slot: Slot, status: Status, *, compiling: bool = True
) -> list[Measurement]:
    """Returns every variant of the middle of the space, the file as it is first.

    Each is timed in several rounds. Where one of lower precision gains, its objective and that of
    the file are taken after a short training with each of three seeds. It takes at most two
    minutes, unless a step takes seconds.

    Args:
        spec: the study.
        slot: where.
        status: shows a line of text inside its block, such as rich's `console.status`.
        compiling: whether compiled variants are among them.
    """
    needs = (class_modules(spec.document), spec.document, spec.import_paths)
    with tempfile.TemporaryDirectory() as folder, subprocesses(*needs) as call:
        bench = _Bench(status, spec, middle(spec.space), slot, Path(folder), call)
        return bench.with_values(bench.rounds(compiling))


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
        self._began = time.monotonic()
        self._longest_s = LONGEST_S

    def rounds(self, compiling: bool) -> list[Measurement]:
        """Returns every variant, the baseline first, with its rounds: two, or three if time allows.

        Args:
            compiling: whether compiled variants are among them.
        """
        config = self._setting.config
        variants = [baseline(config)]
        measured = [[self._time(variants[0], 1)]]
        if "failure" not in (first := measured[0][0]):
            steps_s = LONGEST_STEPS * first["seconds_per_step"]
            self._longest_s = max(LONGEST_S, steps_s, LONGEST_TIMES * self._elapsed_s)
            on_gpu = self._slot.device != "cpu"
            variants += possible_variants(config, first, gpu=on_gpu, compiling=compiling)
            measured += [[self._time(variant, 1)] for variant in variants[1:]]
        pairs = [*zip(variants, measured, strict=True)]
        for number in range(2, ROUNDS + 1):
            begun_s = self._elapsed_s
            # In alternating order, so that no variant is always first.
            for variant, rounds in pairs if number % 2 else reversed(pairs):
                if "failure" not in rounds[-1]:
                    rounds.append(self._time(variant, number))
            if self._elapsed_s + (self._elapsed_s - begun_s) > ROUNDS_S:
                break
        return [
            Measurement(variant, rounds, str(rounds[-1].get("failure", "")))
            for variant, rounds in pairs
        ]

    def with_values(self, timed: Sequence[Measurement]) -> list[Measurement]:
        """Returns the measurements, with objectives where one of lower precision gains."""
        first, *others = timed
        lower = [
            each for each in others if each.variant.lowers_precision and is_faster(first, each)
        ]
        if first.failure or not lower:
            return [*timed]
        compared = [first, *lower]
        shortest, longest = TRAINED_S
        left_s = (LIMIT_S - self._elapsed_s) / (SEEDS * len(compared))
        trained_s = min(max(left_s / 2, shortest), longest)
        most = first.rounds[0]["steps_per_epoch"] or float("inf")
        steps = int(min(max(trained_s / first.step_s, FEWEST_STEPS), most))
        found: dict[str, list[Mapping[str, Any]]] = {each.variant.name: [] for each in compared}
        for seed in range(SEEDS):
            for each in compared if seed % 2 else reversed(compared):
                found[each.variant.name].append(self._train(each.variant, seed, steps))
        return [
            _with_objectives(each, found[each.variant.name], steps) if each in compared else each
            for each in timed
        ]

    @property
    def _elapsed_s(self) -> float:
        return time.monotonic() - self._began

    def _time(self, variant: Variant, number: int) -> Mapping[str, Any]:
        # No blanks in its name: a compiler gets files from it.
        cache = self._folder / "".join(filter(str.isalnum, variant.name))
        words = f"timing round {number} of {ROUNDS}: {variant.name}"
        return self._ask(words, "throughput", variant, None, str(cache))

    def _train(self, variant: Variant, seed: int, steps: int) -> Mapping[str, Any]:
        words = f"training {steps} steps with seed {seed + 1} of {SEEDS}: {variant.name}"
        return self._ask(words, "short_training", variant, seed, steps)

    def _ask(
        self, words: str, function: str, variant: Variant, seed: int | None, argument: Any
    ) -> Mapping[str, Any]:
        setting, slot = self._setting, self._slot
        place = Placement(self._folder, slot.device, slot.threads)
        job = self._spec.job(0, setting.params, variant.config, place, seed)
        with self._status(words):
            try:
                found: Mapping[str, Any] = self._call(
                    f"hpsearch.trial.probes.throughput:{function}",
                    job,
                    argument,
                    # The file itself may take as long as it does.
                    timeout_s=self._longest_s if variant.changes else None,
                )
            except SearchError as error:
                return {"failure": str(error).partition(";")[0]}
        return {"failure": found["failure"][:_SHOWN]} if "failure" in found else found


def _with_objectives(
    timed: Measurement, found: Sequence[Mapping[str, Any]], steps: int
) -> Measurement:
    failures = [str(each["failure"]) for each in found if "failure" in each]
    values = [] if failures else [float(each["value"]) for each in found]
    # The file's own training has no value either, then: nothing fails but the comparison.
    failure = failures[0] if failures and timed.variant.changes else timed.failure
    return replace(timed, values=values, steps=steps, failure=failure)
