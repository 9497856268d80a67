"""First-use costs, paid once in the fork server."""

from __future__ import annotations

import contextlib
import inspect
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any

from hpsearch.classes.components import resolve

# Each is imported at the first use of something else, which would delay every trial by seconds.
MODULES = (
    "hpsearch.trial.run",
    "hpsearch.data",
    "hpsearch.models",
    "jsonargparse",
    "torch.utils.tensorboard",
    "torch._dynamo",
    "pytorch_lightning.loggers.tensorboard",
    "pytorch_lightning.trainer.connectors.accelerator_connector",
)


def warm() -> None:
    """Loads torch, Lightning and the parts that trials use first; stays single-threaded."""
    import torch

    torch.set_num_threads(1)
    with _scipy_signal_put_off(), contextlib.suppress(Exception):
        import_module("torchmetrics")
    for name in MODULES:
        with contextlib.suppress(Exception):
            import_module(name)
    # The first optimizer of a process pulls in torch._dynamo: about 2 s.
    torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))])


@contextlib.contextmanager
def _scipy_signal_put_off() -> Iterator[None]:
    """Stubs out scipy.signal inside the block; later imports are unaffected.

    torchmetrics imports it (0.6 s) only to add a name that an old speech package needs.
    """
    name = "scipy.signal"
    if name in sys.modules:
        yield
        return
    sys.modules[name] = ModuleType(name)
    sys.modules[name].hamming = None  # type: ignore[attr-defined]
    try:
        yield
    finally:
        del sys.modules[name]


def load_study(modules: Sequence[str], data: Mapping[str, Any]) -> list[str]:
    """Loads a study's own modules and its data.

    Data that cannot be loaded are left to the trial, whose failure reports the cause.

    Args:
        modules: the study's own modules.
        data: the study file's `data` section, with search expressions not yet filled in; empty for
            no data.

    Returns:
        A sentence on each of the study's modules that cannot be imported.
    """
    # Not imported at the top: it loads torch, which `warm` must do first.
    from hpsearch.data.test_access import keep_test_split_closed

    with keep_test_split_closed():
        errors = [error for name in modules if (error := _import(name))]
        with contextlib.suppress(Exception):
            _preload(data)
    return errors


def has_touched_cuda() -> bool:
    """Returns whether this process has used CUDA, which does not survive a fork."""
    import torch

    return bool(torch.cuda.is_initialized())  # type: ignore[no-untyped-call]


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
