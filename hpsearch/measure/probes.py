"""Trying a study file before it runs: a real batch of a setting, a model's layers."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hpsearch.engines.bridge import call
from hpsearch.engines.slots import Slot
from hpsearch.measure.extremes import Extreme, extreme_configs
from hpsearch.protocol.job import Placement
from hpsearch.studyfile.study import StudySpec


def probe(spec: StudySpec, setting: Extreme, slot: Slot) -> Mapping[str, Any]:
    """Returns the result of a real batch of one setting; see `trial/probes/probe.py`."""
    with tempfile.TemporaryDirectory() as folder:
        place = Placement(Path(folder), slot.device, slot.threads)
        found: Mapping[str, Any] = call(
            "hpsearch.trial.probes.probe:probe", spec.job(0, setting.params, setting.config, place)
        )
    return found


def summaries(spec: StudySpec) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Yields every model of a study's space at its largest values, with its layers.

    The model is its section of the study file, filled in; for the layers see
    `trial/probes/summary.py`.
    """
    seen: list[Any] = []
    for extreme in extreme_configs(spec.space):
        model = extreme.config["model"]
        if extreme.bound != "largest" or model in seen:
            continue
        seen.append(model)
        job = spec.job(0, extreme.params, extreme.config, Placement(Path()))
        yield model, call("hpsearch.trial.probes.summary:summary", job)
