"""Plain values packed for a checkpoint, which can hold numbers, text, tensors and lists alone.

Everything else becomes a tuple of its type's name and its content. What is read back is of the same
type. Types of users are not plain: to make one, their code would have to be imported and run.
"""

from __future__ import annotations

import math
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

_SINGLE = (type(None), bool, int, float, complex, str, bytes)
_SEQUENCES = (list, tuple, set, deque)
_MAPPINGS = (dict, OrderedDict, defaultdict, Counter)
_TYPES = {kind.__name__: kind for kind in (*_SEQUENCES, *_MAPPINGS)}
_FACTORIES: dict[str, type] = {kind.__name__: kind for kind in (int, float, str, list, set, dict)}
# Those of them that torch has, too.
_OF_ARRAYS = [np.dtype(f"{kind}{bits}") for kind in ("int", "float") for bits in (16, 32, 64)]
_OF_ARRAYS += [np.dtype(name) for name in ("bool", "int8", "uint8", "complex64", "complex128")]
_DEEPEST = 16


def numbers_in(value: Any, depth: int = 0) -> float:
    """Returns how many single values there are in a plain one; infinitely many if it is not."""
    kind = type(value)
    if kind in _SINGLE or (isinstance(value, np.generic) and value.dtype.kind in "biufc"):
        return 1
    if kind is torch.Tensor and value.layout == torch.strided and not value.is_meta:
        return int(value.numel())
    if kind is np.ndarray and value.dtype in _OF_ARRAYS:
        return int(value.size)
    if kind in _TYPES.values() and depth < _DEEPEST:
        inside = [*value, *value.values()] if isinstance(value, dict) else [*value]
        return sum(numbers_in(each, depth + 1) for each in inside)
    return math.inf


def packed(value: Any) -> Any:
    """Returns a copy of a plain value as a checkpoint can hold it."""
    kind = type(value)
    if isinstance(value, torch.Tensor):
        return value.detach().clone()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return ("ndarray", torch.from_numpy(value.copy()))
    if kind in _MAPPINGS:
        items = [[packed(key), packed(each)] for key, each in value.items()]
        factory = getattr(getattr(value, "default_factory", None), "__name__", "")
        return (kind.__name__, items, factory if factory in _FACTORIES else "")
    if kind in _SEQUENCES:
        content = [packed(each) for each in value]
        return content if kind is list else (kind.__name__, content, getattr(value, "maxlen", None))
    return value


def unpacked(value: Any, device: torch.device | None = None) -> Any:
    """Returns what was packed, with its tensors on a device."""
    if isinstance(value, torch.Tensor):
        return value.detach().clone() if device is None else value.to(device, copy=True)
    if isinstance(value, list):
        return [unpacked(each, device) for each in value]
    if not (isinstance(value, tuple) and value and isinstance(value[0], str)):
        return value
    name, content, *more = value
    if name == "ndarray":
        return content.numpy(force=True).copy()
    made: Any = _TYPES[name]
    inside = unpacked(content, device)
    if made is defaultdict:
        return defaultdict(_FACTORIES.get(more[0]), inside)
    if made in _MAPPINGS:
        return made(dict(inside))
    return deque(inside, more[0]) if made is deque else made(inside)


def is_on_device(value: Any) -> bool:
    """Returns whether a tensor in a packed value is not in the machine's main memory."""
    if isinstance(value, torch.Tensor):
        return not value.is_cpu
    return isinstance(value, list | tuple) and any(map(is_on_device, value))


def same(one: Any, other: Any) -> bool:
    """Returns whether two packed values are equal, NaN to NaN and in their types, too."""
    if type(one) is not type(other):
        return False
    if isinstance(one, torch.Tensor):
        return one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, Sequence) and not isinstance(one, str | bytes):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other or (one != one and other != other))
