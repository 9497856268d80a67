"""Which Lightning a module uses: `pytorch_lightning` or `lightning.pytorch`."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from lightning_fabric.plugins.environments.lightning import LightningEnvironment


def namespace_of(module: object) -> Any:
    """Returns the package, `pytorch_lightning` or `lightning.pytorch`, whose class this extends.

    Each has its own copy of the classes, and a Trainer of one refuses the modules of the other.

    Raises:
        TypeError: the object is not a LightningModule of either.
    """
    for base in type(module).__mro__:
        if base.__name__ == "LightningModule":
            return import_module(base.__module__.partition(".core.")[0])
    raise TypeError(f"{type(module).__qualname__} is not a LightningModule")


def own_processes(namespace: Any, rank: int, count: int) -> Any:
    """Returns the plugin that makes a Trainer of this namespace use our processes, in any cluster.

    Args:
        namespace: of Lightning.
        rank: of this process.
        count: of all processes of the trial, which exist already.
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
    """Tells both namespaces this process's rank: only rank 0 logs.

    Lightning reads a rank from `RANK`, `SLURM_PROCID` and the like. A search started by a cluster's
    launcher passes these on to its trials, which would log nothing under any rank but 0.
    """
    LightningEnvironment().set_global_rank(rank)


def in_namespace(callback: type, namespace: Any) -> type:
    """Returns the callback class as a `Checkpoint` of this namespace, so that it runs last."""
    if issubclass(callback, namespace.callbacks.Checkpoint):
        return callback
    return type(callback.__name__, (callback, namespace.callbacks.Checkpoint), {})
