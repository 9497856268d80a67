"""Which Lightning a module is of: `pytorch_lightning` and `lightning.pytorch` are two trees."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from lightning_fabric.plugins.environments.lightning import LightningEnvironment


def tree_of(module: object) -> Any:
    """Returns the package, `pytorch_lightning` or `lightning.pytorch`, whose class this extends.

    Both hold the same classes twice, and a Trainer of one refuses the modules of the other.

    Raises:
        TypeError: the object is not a LightningModule of either.
    """
    for base in type(module).__mro__:
        if base.__name__ == "LightningModule":
            return import_module(base.__module__.partition(".core.")[0])
    raise TypeError(f"{type(module).__qualname__} is not a LightningModule")


def one_process(tree: Any) -> Any:
    """Returns the plugin that keeps a Trainer of this tree to one process, in any cluster."""
    return import_module(f"{tree.__name__}.plugins.environments").LightningEnvironment()


def become_rank_zero() -> None:
    """Makes this process the one that logs, in both trees.

    Lightning reads a rank from `RANK`, `SLURM_PROCID` and the like, which a search that was started
    by a cluster's launcher hands down to its trials; any rank but 0 would log nothing.
    """
    LightningEnvironment().set_global_rank(0)


def in_tree(callback: type, tree: Any) -> type:
    """Returns the callback class, made a `Checkpoint` of this tree so that it is called last."""
    if issubclass(callback, tree.callbacks.Checkpoint):
        return callback
    return type(callback.__name__, (callback, tree.callbacks.Checkpoint), {})
