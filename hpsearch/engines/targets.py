"""Where the trials of a search run: on this machine, and on which others."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Targets:
    """The machines that a search uses besides this one.

    Attributes:
        nodes: hosts between commas, or the path of a `cluster.yaml`.
        slurm: options of `srun` as `key=value ...`; empty for the allocation that this runs in,
            None for no Slurm.
        kubernetes: a label selector, then `key=value ...`.
        ray: the address of a Ray cluster, then `key=value ...`.
    """

    nodes: str | None = None
    slurm: str | None = None
    kubernetes: str | None = None
    ray: str | None = None

    @property
    def first(self) -> str:
        """Returns the name of the first target that is given; empty if none is."""
        return next((name for name, target in vars(self).items() if target is not None), "")

    def __bool__(self) -> bool:
        return bool(self.first)


NOWHERE_ELSE = Targets()


@dataclass(frozen=True)
class Place:
    """Where trials run.

    Attributes:
        engine: one of `ENGINES` in `engines/factory.py`.
        devices: as `--devices` takes them; of this machine.
        per_device: trials at once on each device.
        targets: other machines.
    """

    engine: str = "local"
    devices: str = "auto"
    per_device: int = 1
    targets: Targets = NOWHERE_ELSE
