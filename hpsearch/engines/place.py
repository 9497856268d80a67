"""Where the trials of a search run: on this machine, and on which others."""

from __future__ import annotations

from dataclasses import dataclass

from hpsearch.errors import InputError

ELSEWHERE = ("nodes", "slurm", "kubernetes", "ray")


@dataclass(frozen=True)
class Place:
    """Where trials run.

    Attributes:
        engine: one of `ENGINES` in `engines/factory.py`: `local` for separate processes, `inline`
            for this process, one trial at a time, to debug.
        devices: of this machine: `auto`, `cpu`, `cpu:2`, `cuda`, `cuda:0,1` or `mps`.
        per_device: trials at once on each device.
        nodes: hosts between commas, or the path of a `cluster.yaml`, to train on these machines.
        slurm: what to ask Slurm for, as `key=value ...`; empty for the allocation this runs in.
        kubernetes: labels of the pods to train in, then `key=value ...`.
        ray: address of the Ray cluster to train on, or `auto`, then `key=value ...`.
    """

    engine: str = "local"
    devices: str = "auto"
    per_device: int = 1
    nodes: str | None = None
    slurm: str | None = None
    kubernetes: str | None = None
    ray: str | None = None

    def engine_name(self) -> str:
        """Returns the name of the engine: `cluster` where other machines are named.

        Raises:
            InputError: the options name two places that exclude each other.
        """
        elsewhere = [name for name in ELSEWHERE if getattr(self, name) is not None]
        if elsewhere and self.engine == "inline":
            raise InputError(
                f"--inline trains in this process, but --{elsewhere[0]} trains on other machines;"
                " leave one of them out"
            )
        return "cluster" if elsewhere else self.engine
