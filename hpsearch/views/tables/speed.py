"""`check --speed`: each way to train is timed in a process of its own, in rounds."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from hpsearch.engines.slots import Slot
from hpsearch.engines.subprocess_call import run_in_subprocess
from hpsearch.errors import SearchError
from hpsearch.measure.extremes import Extreme, middle
from hpsearch.measure.speed import (
    ROUNDS,
    Measurement,
    Variant,
    baseline,
    possible_variants,
    recommendation,
    speed_table,
)
from hpsearch.protocol.job import Placement
from hpsearch.studyfile.study import StudySpec

_SHOWN = 160


def print_speed(console: Console, spec: StudySpec, slot: Slot) -> None:
    """Times the middle of the space in every way, and prints them and what is worth its line."""
    setting = middle(spec.space)
    with tempfile.TemporaryDirectory() as folder:
        timed = _Bench(console, spec, setting, slot, Path(folder)).rounds()
    own, *others = timed
    if own.failure:
        console.print(f"The speed cannot be measured: {own.failure}", "", markup=False)
        return
    console.print(speed_table(own, others), "")
    epochs = setting.config["trainer"].get("max_epochs")
    epochs = epochs if isinstance(epochs, int) and epochs > 0 else 1
    console.print(recommendation(own, others, epochs), markup=False, soft_wrap=True)


class _Bench:
    """Runs the ways in turn, so that what else the machine does meanwhile meets all of them."""

    def __init__(
        self, console: Console, spec: StudySpec, setting: Extreme, slot: Slot, folder: Path
    ) -> None:
        self._console, self._spec, self._setting = console, spec, setting
        self._slot, self._folder = slot, folder

    def rounds(self) -> list[Measurement]:
        """Returns every way, the file's own first, with all its rounds."""
        config = self._setting.config
        variants = [baseline(config)]
        told = [[self._time(variants[0], 1)]]
        if "failure" not in told[0][0]:
            lays_out = told[0][0]["takes_channels_last"]
            on_gpu = self._slot.device != "cpu"
            variants += possible_variants(config, takes_channels_last=lays_out, gpu=on_gpu)
            told += [[self._time(way, 1)] for way in variants[1:]]
        for number in range(2, ROUNDS + 1):
            pairs = [*zip(variants, told, strict=True)]
            # There and back again: nobody is always the first.
            for way, rounds in pairs if number % 2 else reversed(pairs):
                if "failure" not in rounds[-1]:
                    rounds.append(self._time(way, number))
        return [
            Measurement(way, rounds, str(rounds[-1].get("failure", "")))
            for way, rounds in zip(variants, told, strict=True)
        ]

    def _time(self, way: Variant, number: int) -> Mapping[str, Any]:
        setting, slot = self._setting, self._slot
        # A compiler is given files in there: no blanks in its name.
        cache = self._folder / "".join(filter(str.isalnum, way.name))
        job = self._spec.job(
            0, setting.params, way.config, Placement(self._folder, slot.device, slot.threads)
        )
        with self._console.status(f"timing round {number} of {ROUNDS}: {way.name}"):
            try:
                told: Mapping[str, Any] = run_in_subprocess(
                    "hpsearch.trial.probes.throughput:throughput", job, str(cache)
                )
            except SearchError as error:
                return {"failure": str(error).partition(";")[0]}
        if "failure" in told:
            return {"failure": told["failure"][:_SHOWN]}
        return told
