"""First-use costs, paid once in the server that trials are forked from."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from hpsearch.spec.components import resolve

# Each is imported at the first use of something else, which would cost every trial seconds.
MODULES = (
    "hpsearch.trial.run",
    "hpsearch.data",
    "hpsearch.models",
    "torch.utils.tensorboard",
    "torch._dynamo",
    "pytorch_lightning.loggers.tensorboard",
    "pytorch_lightning.trainer.connectors.accelerator_connector",
)


def warm(modules: Sequence[str], data: Mapping[str, Any]) -> None:
    """Loads torch, lightning, the study's own modules and its data, and stays single-threaded.

    What cannot be loaded is left to the trial, whose failure says so with its number.

    Args:
        modules: the study's own modules.
        data: the study file's `data` section, with its searched values still as marks.
    """
    import torch

    torch.set_num_threads(1)
    for name in (*MODULES, *modules):
        with contextlib.suppress(Exception):
            import_module(name)
    # The first optimizer of a process pulls in torch._dynamo: about 2 s.
    torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))])
    with contextlib.suppress(Exception):
        _preload(data)


def _preload(data: Mapping[str, Any]) -> None:
    """Calls the data class's `preload`, if it has one and none of its arguments is searched."""
    preload = getattr(resolve(data["class_path"]), "preload", None)
    if preload is None:
        return
    takes = inspect.signature(preload).parameters
    given = {name: value for name, value in (data.get("init_args") or {}).items() if name in takes}
    if not any(str(value).startswith("~") or isinstance(value, dict) for value in given.values()):
        preload(**given)
