"""What a module keeps in attributes of its own, such as a running mean that is a Python float.

Lightning saves parameters, buffers, and what `on_save_checkpoint` adds. In a training in one piece
nobody misses the rest, but a trial that pauses at a rung continues in another process.
"""

from __future__ import annotations

import math
from collections import OrderedDict, defaultdict, deque
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch

from hpsearch.internals.lightning import has_read_epoch

MOST_NUMBERS = 1_000_000  # of an attribute; whoever keeps more means data, which do not change
_SINGLE = (type(None), bool, int, float, complex, str, bytes)
_CONTAINERS = (list, tuple, set, deque, dict, OrderedDict, defaultdict)
_DEEPEST = 16
# Their modules have no attributes that change.
_LIBRARIES = ("torch", "pytorch_lightning", "lightning")


class OwnAttributes(pl.Callback):
    """Gives a resumed module the plain attributes that it had: numbers, text, tensors, containers.

    Those of its submodules, too, unless they are torch's or torchmetrics'. Only what has changed
    since the module was set up is saved. With several processes, each has attributes of its own,
    and nothing is saved.
    """

    supports_multi_step = True

    def __init__(self) -> None:
        self._trainer: Any = None
        self._set_up: Mapping[str, Any] | None = None
        self._saved: Mapping[str, Any] = {}

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Remembers the Trainer whose module this is."""
        self._trainer = trainer

    def state_dict(self) -> dict[str, Any]:
        """Returns the attributes that have changed, and whether an epoch is under way."""
        trainer, before = self._trainer, self._set_up
        if before is None or trainer.world_size > 1:
            return {}
        now = _plain_attributes(trainer.lightning_module)
        changed = {
            path: value
            for path, value in now
            if path not in before or not _same(value, before[path])
        }
        return {
            "attributes": changed,
            "on_device": [path for path, value in changed.items() if _is_on_device(value)],
            "within": not has_read_epoch(trainer),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Keeps them until the training begins: hooks before that set attributes as well."""
        self._saved = state_dict

    def on_sanity_check_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Notes what the attributes are before anything is validated or trained."""
        self._set_up = dict(_plain_attributes(pl_module))

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Sets them in the middle of an epoch, which has no beginning."""
        if self._set_up is None:
            self._set_up = dict(_plain_attributes(pl_module))
        if self._saved.get("within"):
            self._restore(pl_module)

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: Any, *_: Any) -> None:
        """Sets them there after the module's own `on_train_start`, which may begin anew."""
        if self._saved:
            self._restore(pl_module)
            self._saved = {}

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Sets them after the module's own `on_train_start`; in the middle it was done before."""
        if not self._saved.get("within"):
            self._restore(pl_module)
        self._saved = {}

    def _restore(self, module: pl.LightningModule) -> None:
        for path, value in self._saved.get("attributes", {}).items():
            place, _, name = path.rpartition(".")
            device = module.device if path in self._saved["on_device"] else None
            _set(module.get_submodule(place), name, _copy(value, device))


def _plain_attributes(module: Any) -> Iterator[tuple[str, Any]]:
    """Yields copies of what a module and its submodules keep, with their paths."""
    for place, owner in module.named_modules():
        if owner is not module and _is_of_library(type(owner)):
            continue
        for name, value in vars(owner).items():
            if name in _of_lightning() or name.startswith("_hparams"):
                continue
            if _numbers_in(value) <= MOST_NUMBERS:
                yield f"{place}.{name}".lstrip("."), _copy(value)


@cache
def _of_lightning() -> frozenset[str]:
    return frozenset({*vars(pl.LightningModule()), "_log_hyperparams"})


def _is_of_library(kind: type) -> bool:
    """Returns whether a class is torch's or Lightning's, or a metric with a state of its own."""
    packages = [base.__module__.partition(".")[0] for base in kind.__mro__]
    return packages[0] in _LIBRARIES or "torchmetrics" in packages


def _numbers_in(value: Any, depth: int = 0) -> float:
    """Returns how many single values there are in a plain one; infinitely many if it is not."""
    kind = type(value)
    if kind in _SINGLE or (isinstance(value, np.generic) and value.dtype.kind in "biufc"):
        return 1
    if kind is torch.Tensor and value.layout == torch.strided and not value.is_meta:
        return int(value.numel())
    if kind in _CONTAINERS and depth < _DEEPEST:
        return sum(_numbers_in(each, depth + 1) for each in _inside(value))
    return math.inf


def _inside(value: Any) -> list[Any]:
    return [*value, *value.values()] if isinstance(value, dict) else [*value]


def _is_on_device(value: Any) -> bool:
    if isinstance(value, torch.Tensor):
        return not value.is_cpu
    return type(value) in _CONTAINERS and any(map(_is_on_device, _inside(value)))


def _copy(value: Any, device: torch.device | None = None) -> Any:
    """Returns a copy without containers that a checkpoint cannot have, its tensors on a device."""
    if isinstance(value, torch.Tensor):
        return value.detach().clone() if device is None else value.to(device, copy=True)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, tuple):
        return tuple(_copy(each, device) for each in value)
    if isinstance(value, dict):
        return {key: _copy(each, device) for key, each in value.items()}
    return [_copy(each, device) for each in value] if type(value) in _CONTAINERS else value


def _same(one: Any, other: Any) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, torch.Tensor):
        return one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, list | tuple | dict) and len(one) == len(other):
        return all(map(_same, _inside(one), _inside(other)))
    return bool(one == other or (one != one and other != other))


def _set(owner: Any, name: str, value: Any) -> None:
    """Sets an attribute; fills the container that is there, which may be of another kind."""
    there = vars(owner).get(name)
    if isinstance(there, dict) and isinstance(value, dict):
        there.clear()
        there.update(value)
    elif isinstance(there, list | deque) and isinstance(value, list):
        there.clear()
        there.extend(value)
    elif isinstance(there, set) and isinstance(value, list):
        there.clear()
        there.update(value)
    else:
        setattr(owner, name, value)
