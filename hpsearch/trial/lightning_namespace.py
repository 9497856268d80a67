"""Which Lightning a module uses: `pytorch_lightning` or `lightning.pytorch`."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from lightning_fabric.plugins.environments.lightning import LightningEnvironment


def namespace_of(module: object) -> Any:
    """Returns the package, `pytorch_lightning` or `lightning.pytorch`, whose class this extends.

    Both hold the same classes twice, and a Trainer of one refuses the modules of the other.

    Raises:
        TypeError: the object is not a LightningModule of either.
    """
    for base in type(module).__mro__:
        if base.__name__ == "LightningModule":
            return import_module(base.__module__.partition(".core.")[0])
    raise TypeError(f"{type(module).__qualname__} is not a LightningModule")


def own_processes(namespace: Any, rank: int, count: int) -> Any:
    """Returns the plugin that keeps a Trainer of this namespace to our processes, in any cluster.

    Args:
        namespace: of Lightning.
        rank: of this process.
        count: of all processes of the trial; they are there already.
    """
    base: Any = import_module(f"{namespace.__name__}.plugins.environments").LightningEnvironment
    if count == 1:
        return base()
    ours: dict[str, Any] = {
        "creates_processes_externally": property(lambda self: True),
        "world_size": lambda self: count,
        "global_rank": lambda self: rank,
        "local_rank": lambda self: rank,
        "node_rank": lambda self: 0,
        "set_world_size": lambda self, size: None,
        "set_global_rank": lambda self, number: None,
        "teardown": lambda self: None,
    }
    return type("OwnProcesses", (base,), ours)()


def become_rank(rank: int) -> None:
    """Makes this process one that logs, if its rank is 0, or one that does not, in both trees.

    Lightning reads a rank from `RANK`, `SLURM_PROCID` and the like, which a search that was started
    by a cluster's launcher hands down to its trials; any rank but 0 would log nothing.
    """
    LightningEnvironment().set_global_rank(rank)


def in_namespace(callback: type, namespace: Any) -> type:
    """Returns the callback class as a `Checkpoint` of this namespace, so that it runs last."""
    if issubclass(callback, namespace.callbacks.Checkpoint):
        return callback
    return type(callback.__name__, (callback, namespace.callbacks.Checkpoint), {})
