"""How far one command takes a search, and where its trials run."""

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
        devices: `auto`, `cpu`, `cpu:2`, `cuda` or `cuda:0,1`.
        per_device: trials at once on each device.
        nodes: hosts between commas, or the path of a `cluster.yaml`, to train on these machines.
        slurm: what to ask Slurm for, as `key=value ...`; empty for the allocation this runs in.
        kubernetes: labels of the pods to train in.
        ray: address of the Ray cluster to train on, or `auto`.
        trials: trials in all; None for what the study file says.
        add: this many more trials than there are; None for none.
        timeout_s: seconds after which no more epochs begin; None for what the study file says.
        accept_changes: whether to continue under other code, data or versions than before.
        runs: folder of the trials' files; None for where they are, or `runs`.
    """

    trials: int | None = None
    add: int | None = None
    timeout_s: float | None = None
    accept_changes: bool = False
    runs: Path | None = None
