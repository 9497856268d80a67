"""Which Lightning a module is of: `pytorch_lightning` and `lightning.pytorch` are two trees."""

from __future__ import annotations

from importlib import import_module
from typing import Any


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


def in_tree(callback: type, tree: Any) -> type:
    """Returns the callback class, made a `Checkpoint` of this tree so that it is called last."""
    if issubclass(callback, tree.callbacks.Checkpoint):
        return callback
    return type(callback.__name__, (callback, tree.callbacks.Checkpoint), {})
