"""First-use costs, paid once in the fork server."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from hpsearch.classes.components import resolve
from hpsearch.internals.lightning import load_compiler
from hpsearch.studyfile.parse import compiling

# Each is imported at the first use of something else, which would delay every trial by seconds.
MODULES = (
    "hpsearch.trial.run",
    "hpsearch.data",
    "hpsearch.models",
    "jsonargparse",
    "torch.utils.tensorboard",
    "pytorch_lightning.loggers.tensorboard",
    "pytorch_lightning.trainer.connectors.accelerator_connector",
)
# Packages whose classes train without what `warm` leaves out.
KNOWN = ("hpsearch", "pytorch_lightning", "torch")


def warm() -> None:
    """Loads torch, Lightning and the parts that trials use first; stays single-threaded."""
    import torch

    from hpsearch.trial.speedups.loading import loading_little

    torch.set_num_threads(1)
    # A release that needs more than it did is loaded as a whole.
    with contextlib.suppress(Exception), loading_little():
        import_module("pytorch_lightning")
    for name in MODULES:
        with contextlib.suppress(Exception):
            import_module(name)


def load_study(modules: Sequence[str], document: Mapping[str, Any]) -> list[str]:
    """Loads a study's own modules, its data, and what else its trials need of what was left out.

    Data that cannot be loaded are left to the trial, whose failure reports the cause.

    Args:
        modules: the study's own modules.
        document: the study file as plain data, with search expressions not yet filled in; empty to
            load no more than the modules need.

    Returns:
        A sentence on each of the study's modules that cannot be imported.
    """
    # Not imported at the top: it loads torch, which `warm` must do first.
    from hpsearch.data.test_access import keep_test_split_closed
    from hpsearch.trial.speedups.loading import load_the_rest

    if any(name.partition(".")[0] not in KNOWN for name in modules):
        load_the_rest()
    elif _needs_compiler(document):
        load_compiler()
    with keep_test_split_closed():
        errors = [error for name in modules if (error := _import(name))]
        with contextlib.suppress(Exception):
            _preload(document["data"])
    return errors


def has_touched_cuda() -> bool:
    """Returns whether this process has used CUDA, which does not survive a fork."""
    import torch

    return bool(torch.cuda.is_initialized())  # type: ignore[no-untyped-call]


def _needs_compiler(document: Mapping[str, Any]) -> bool:
    """Returns whether trials load torch's compiler; training on several devices does."""
    devices = (document.get("study") or {}).get("devices_per_trial", 1)
    return devices > 1 or bool(compiling(document.get("speed")))


def _import(name: str) -> str:
    """Imports a module; returns what is wrong if that fails, or an empty text."""
    try:
        import_module(name)
    except (Exception, SystemExit) as error:
        owner = name.rpartition(".")[0]
        if owner and isinstance(error, ModuleNotFoundError) and error.name == name:
            return _import(owner)  # the last name is a class, one of whose methods is named
        return f"{name} cannot be imported: {type(error).__name__}: {error}"
    return ""


def _preload(data: Mapping[str, Any]) -> None:
    """Calls the data class's `preload`, if it has one and none of its arguments is searched."""
    preload = getattr(resolve(data["class_path"]), "preload", None)
    if preload is None:
        return
    takes = inspect.signature(preload).parameters
    given = {name: value for name, value in (data.get("init_args") or {}).items() if name in takes}
    if not any(str(value).startswith("~") or isinstance(value, dict) for value in given.values()):
        preload(**given)
