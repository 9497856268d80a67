"""The plain data of a checkpoint: tensors, numbers, text, and containers of these.

`torch.load(weights_only=True)` reads nothing else, since anything else can run code when it is
read. Modules put networks, enums and configuration objects into their hyperparameters; a trial is
rebuilt from its study file, so these can be left out.
"""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from hpsearch.classes.records import Settings

PLAIN = (type(None), bool, int, float, complex, str, bytes, torch.Tensor, torch.nn.Parameter)
# Without these, a training cannot continue where it was; it can do without everything else.
NEEDED = ("state_dict", "loops", "optimizer_states", "lr_schedulers")
HYPERPARAMETERS = "hyper_parameters"
_LEFT_OUT = object()


def plain_part(state: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Returns the plain data of a checkpoint, and the paths of what is left out.

    A mapping loses its entries that are not plain; a list or tuple with such an element is left out
    completely. NumPy scalars become Python's. Plain data are not copied.
    """
    left_out: list[str] = []
    kept = {key: _part(value, key, left_out) for key, value in state.items()}
    return {key: value for key, value in kept.items() if value is not _LEFT_OUT}, left_out


def missing_for_resume(left_out: list[str]) -> list[str]:
    """Returns those of the paths that a training cannot be continued without."""
    return [path for path in left_out if path.partition(".")[0] in NEEDED]


def missing_of_users(left_out: list[str]) -> list[str]:
    """Returns those of the paths that are a module's or callback's own state."""
    known = (*NEEDED, HYPERPARAMETERS, "datamodule_" + HYPERPARAMETERS, "hparams_type")
    return [path for path in left_out if path.partition(".")[0] not in known]


def _part(value: Any, path: str, left_out: list[str]) -> Any:
    if type(value) in PLAIN:
        return value
    if isinstance(value, np.generic) and value.dtype.kind in "biufc":
        return value.item()
    if type(value) is Settings:
        value = dict(value)
    if type(value) in (dict, OrderedDict) and all(type(key) in PLAIN for key in value):
        return _mapping(value, path, left_out)
    if type(value) in (list, tuple):
        return _sequence(value, path, left_out)
    if not isinstance(value, torch.nn.Module) and _loads(value):
        return value
    left_out.append(path)
    return _LEFT_OUT


def _mapping(value: dict[Any, Any], path: str, left_out: list[str]) -> Any:
    parts = {key: _part(child, f"{path}.{key}", left_out) for key, child in value.items()}
    if all(parts[key] is child for key, child in value.items()):
        return value  # with the versions that torch keeps beside the weights of a module
    return {key: part for key, part in parts.items() if part is not _LEFT_OUT}


def _sequence(value: Any, path: str, left_out: list[str]) -> Any:
    parts = [_part(child, f"{path}.{index}", left_out) for index, child in enumerate(value)]
    if any(part is _LEFT_OUT for part in parts):
        return _LEFT_OUT
    return value if all(a is b for a, b in zip(parts, value, strict=True)) else type(value)(parts)


def _loads(value: Any) -> bool:
    """Returns whether torch reads a value back as plain data."""
    stream = io.BytesIO()
    try:
        torch.save(value, stream)
        stream.seek(0)
        torch.load(stream, weights_only=True)
    except Exception:
        # An object of the user's may raise anything when it is pickled.
        return False
    return True
