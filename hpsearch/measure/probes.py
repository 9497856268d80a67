"""Trying a study file before it runs: a real batch of a setting, a model's layers."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hpsearch.engines.bridge import call
from hpsearch.engines.slots import Slot
from hpsearch.measure.extremes import Extreme, largest_configs
from hpsearch.protocol.data_record import changed_parts, other_data
from hpsearch.protocol.job import Placement
from hpsearch.studyfile.study import StudySpec


def probe_each(spec: StudySpec, settings: Sequence[Extreme], slot: Slot) -> list[Mapping[str, Any]]:
    """Returns the results of a real batch of each setting; see `trial/probes/probe.py`.

    A setting whose data are not those of the first one fails: so would its trial.
    """
    found = [_probe(spec, setting, slot) for setting in settings]
    first = next((one["data"] for one in found if "data" in one), None)
    return [_of_other_data(one, first) if "data" in one else one for one in found]


def _of_other_data(found: Mapping[str, Any], theirs: Any) -> Mapping[str, Any]:
    """Returns the result of a setting, or why its values cannot be compared with others."""
    ours = found["data"]
    parts = []
    if ours["split"] and theirs["split"] and ours["split"] != theirs["split"]:
        parts = ["validation rows"]
    elif ours["data"]["arguments"] == theirs["data"]["arguments"]:
        parts = changed_parts(theirs["data"], ours["data"])
    if not parts:
        return found
    words = other_data(" and ".join(parts), "this setting", "the first that trains")
    return {"failure": words, "kind": "set-up"}


def _probe(spec: StudySpec, setting: Extreme, slot: Slot) -> Mapping[str, Any]:
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
    for extreme in largest_configs(spec.space):
        model = extreme.config["model"]
        if model in seen:
            continue
        seen.append(model)
        job = spec.job(0, extreme.params, extreme.config, Placement(Path()))
        yield model, call("hpsearch.trial.probes.summary:summary", job)
