"""How far one command takes a search, and where its trials run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hpsearch.engines.targets import Place, Targets
from hpsearch.errors import InputError


@dataclass(frozen=True)
class RunOptions:
    """What `run`, `resume` and `Study.run` may be asked for beside the study itself.

    Attributes:
        trials: trials in all; None for what the study file says.
        add: this many more trials than there are; None for none.
        timeout_s: seconds after which no more epochs begin; None for what the study file says.
        devices: `auto`, `cpu`, `cpu:2`, `cuda` or `cuda:0,1`.
        per_device: trials at once on each device.
        engine: where the trials run; `local` for processes of their own, `inline` for this process,
            one trial at a time, to debug.
        accept_changes: whether to continue under other code, data or versions than before.
        runs: folder of the trials' files; None for where they are, or `runs`.
        nodes: hosts between commas, or the path of a `cluster.yaml`, to train on these machines.
        slurm: what to ask Slurm for, as `key=value ...`; empty for the allocation this runs in.
        kubernetes: labels of the pods to train in.
        ray: address of the Ray cluster to train on, or `auto`.
    """

    trials: int | None = None
    add: int | None = None
    timeout_s: float | None = None
    devices: str = "auto"
    per_device: int = 1
    engine: str = "local"
    accept_changes: bool = False
    runs: Path | None = None
    nodes: str | None = None
    slurm: str | None = None
    kubernetes: str | None = None
    ray: str | None = None

    @property
    def place(self) -> Place:
        """Where the trials run.

        Raises:
            InputError: two places are asked for that exclude each other.
        """
        targets = Targets(self.nodes, self.slurm, self.kubernetes, self.ray)
        if targets and self.engine == "inline":
            raise InputError(
                f"--inline trains in this process, but --{targets.first} trains on other machines;"
                " leave one of them out"
            )
        engine = "cluster" if targets else self.engine
        return Place(engine, self.devices, self.per_device, targets)
