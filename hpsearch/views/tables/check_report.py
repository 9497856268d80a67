"""A checked study file, tried out: what `hpsearch check` measures and prints."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from hpsearch.engines.bridge import call
from hpsearch.engines.slots import Slot
from hpsearch.measure.cost import estimate
from hpsearch.measure.extremes import Extreme, extreme_configs
from hpsearch.protocol.job import Placement
from hpsearch.studyfile.study import StudySpec
from hpsearch.views.formatting import command
from hpsearch.views.tables.check import (
    branch_table,
    cost_words,
    is_infeasible,
    parameter_table,
    size_words,
    trains,
)
from hpsearch.views.tables.speed import print_speed

VALID, INVALID = 0, 2


def print_check(
    console: Console, spec: StudySpec, file: str, slots: Sequence[Slot], *, speed: bool = False
) -> int:
    """Prints the space, tries each branch at both ends, prints the cost; returns the exit code.

    With `speed` it also measures and prints what would make the trials faster.
    """
    console.print(f"{file} is valid: {size_words(spec.space)}\n", markup=False, soft_wrap=True)
    if spec.space.parameters:
        console.print(parameter_table(spec.space), "")
    ends = extreme_configs(spec.space)
    with console.status(f"trying real batches of {len(ends)} settings"):
        probes = [_probe(spec, end, slots[0]) for end in ends]
    console.print(branch_table(ends, probes), "")
    trained = [(probe, end) for probe, end in zip(probes, ends, strict=True) if trains(probe)]
    if not trained or not all(trains(probe) or is_infeasible(probe) for probe in probes):
        console.print(f"error: {file}: some settings cannot train", markup=False, style="red")
        return INVALID
    tried = [probe for probe, _ in trained]
    for note in dict.fromkeys(note for probe in tried for note in probe["notes"]):
        console.print(f"note: {note}", markup=False, soft_wrap=True)
    cost = estimate(tried, spec.trials, len(slots))
    console.print(cost_words(cost, spec.trials, len(slots)), soft_wrap=True)
    if speed:
        print_speed(console, spec, slots[0])
    console.print(f"next: {command('run', file)}", markup=False, soft_wrap=True)
    return VALID


def _probe(spec: StudySpec, end: Extreme, slot: Slot) -> Mapping[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        job = spec.job(
            0, end.params, end.config, Placement(Path(folder), slot.device, slot.threads)
        )
        probe: Mapping[str, Any] = call("hpsearch.trial.probes.probe:probe", job)
    return probe
