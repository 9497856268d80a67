"""The options of one run of a search: how far it goes, and where its trials run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hpsearch.engines.place import Place


@dataclass(frozen=True, kw_only=True)
class RunOptions(Place):
    """Options of `run`, `resume` and `Study.run`, besides the study.

    Attributes:
        engine: where the trials run; `local` for separate processes, `inline` for this process,
            one trial at a time, to debug.
        devices: `auto`, `cpu`, `cpu:2`, `cuda`, `cuda:0,1` or `mps`.
        per_device: trials at once on each device.
        nodes: machines to train on: hosts separated by commas, or the path of a `cluster.yaml`.
        slurm: what to ask Slurm for, as `key=value ...`; empty for the allocation this runs in.
        kubernetes: labels of the pods to train in.
        ray: address of the Ray cluster to train on, or `auto`.
        trials: trials in all; None for what the study file says.
        add: how many trials to add to the existing ones; None for none.
        timeout_s: seconds after which no more epochs begin; None for what the study file says.
        accept_changes: whether to continue although code, data or versions have changed.
        runs: folder of the trials' files; None for where they are, or `runs`.
    """

    trials: int | None = None
    add: int | None = None
    timeout_s: float | None = None
    accept_changes: bool = False
    runs: Path | None = None
