"""What modules and callbacks keep in attributes: plain values, and objects that save their state.

Lightning saves parameters, buffers, and what `on_save_checkpoint` adds. In a training in one piece
nobody misses the rest, but a trial that pauses at a rung continues in another process.
"""

from __future__ import annotations

import math
import re
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from typing import Any

import pytorch_lightning as pl

from hpsearch.classes.signature import has_base
from hpsearch.internals.lightning import has_read_epoch
from hpsearch.trial.saving.packed import is_on_device, numbers_in, packed, same, unpacked

_CALLBACK = "callback "
_STATE = "state_dict"  # what the state of an object begins with, instead of the name of a type
MOST_NUMBERS = 1_000_000  # of an attribute; whoever keeps more means data, which do not change
_CLOCKS = {
    "time": time.time,
    "monotonic": time.monotonic,
    "perf_counter": time.perf_counter,
}
# The other clocks may be at any number, so that their times look like other numbers.
_TIME_BY_NAME = re.compile("time|start|since|began|clock|tic|last", re.IGNORECASE)
# Their modules have no attributes that change, and their callbacks save what they need.
_LIBRARIES = ("torch", "pytorch_lightning", "lightning", "hpsearch")


class OwnAttributes(pl.Callback):
    """Gives a resumed module the plain attributes that it had: numbers, text, tensors, containers.

    And the state of objects in attributes that can save and load it, such as an average of the
    weights, an optimizer of the module's own, or a network that a callback trains or averages.

    Those of its submodules, too, unless they are torch's or torchmetrics', and those of the user's
    callbacks that have no `state_dict`. Only what has changed since the module was set up is saved.
    With several processes, each has attributes of its own, and nothing is saved.
    """

    supports_multi_step = True

    def __init__(self) -> None:
        self._trainer: Any = None
        self._set_up: Mapping[str, Any] | None = None
        self._began: Mapping[str, float] = {}
        self._saved: Mapping[str, Any] = {}

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Remembers the Trainer whose module this is."""
        self._trainer = trainer

    def state_dict(self) -> dict[str, Any]:
        """Returns the attributes that have changed, and whether an epoch is under way."""
        trainer, before = self._trainer, self._set_up
        if before is None or trainer.world_size > 1:
            return {}
        now = _plain_attributes(trainer)
        changed = {
            path: value
            for path, value in now
            if path not in before or not same(value, before[path])
        }
        return {
            "attributes": changed,
            "on_device": [path for path, value in changed.items() if is_on_device(value)],
            "within": not has_read_epoch(trainer),
            "clocks": {name: (self._began[name], clock()) for name, clock in _CLOCKS.items()},
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Keeps them until the training begins: hooks before that set attributes as well."""
        self._saved = state_dict

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Notes what the attributes are before anything is validated or trained."""
        self._set_up = dict(_plain_attributes(trainer))
        self._began = {name: clock() for name, clock in _CLOCKS.items()}

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Sets those of callbacks, whose turn is over; in the middle of an epoch, all of them."""
        self._restore(of_callbacks=True)
        if self._saved.get("within"):
            self._restore(of_callbacks=False)

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: Any, *_: Any) -> None:
        """Sets the module's there after its own `on_train_start`, which may begin anew."""
        if self._saved:
            self._restore(of_callbacks=False)
            self._saved = {}

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Sets the module's after its own `on_train_start`; in the middle it was done before."""
        if not self._saved.get("within"):
            self._restore(of_callbacks=False)
        self._saved = {}

    def _restore(self, *, of_callbacks: bool) -> None:
        owners, module = dict(_owners(self._trainer)), self._trainer.lightning_module
        for path, value in self._saved.get("attributes", {}).items():
            place, _, name = path.rpartition(".")
            if place in owners and place.startswith(_CALLBACK) == of_callbacks:
                device = module.device if path in self._saved["on_device"] else None
                if _is_state(value):
                    _load(owners[place], name, unpacked(value[1], device))
                    continue
                value = _as_long_ago(name, value, self._saved.get("clocks", {}))
                _set(owners[place], name, unpacked(value, device))


def _owners(trainer: Any) -> Iterator[tuple[str, Any]]:
    """Yields whose attributes are kept, with their places: `loss`, or `callback 0`."""
    module = trainer.lightning_module
    for place, owner in module.named_modules():
        if owner is module or not _is_of_library(type(owner)):
            yield place, owner
    own = [each for each in trainer.callbacks if not _is_of_library(type(each))]
    for index, callback in enumerate(own):
        if type(callback).state_dict.__module__.endswith(".callbacks.callback"):
            yield f"{_CALLBACK}{index}", callback


def _plain_attributes(trainer: Any) -> Iterator[tuple[str, Any]]:
    """Yields copies of what a module, its submodules and callbacks keep, with their paths."""
    saved = _saved_by_lightning(trainer)
    for place, owner in _owners(trainer):
        for name, value in vars(owner).items():
            if name in _of_lightning() or name.startswith("_hparams") or id(value) in saved:
                continue
            path = f"{place}.{name}".lstrip(".")
            if numbers_in(value) <= MOST_NUMBERS:
                yield path, packed(value)
            elif (state := _state_of(value)) is not None:
                yield path, (_STATE, packed(state))


def _saved_by_lightning(trainer: Any) -> set[int]:
    """Returns the identities of what has its place in a checkpoint, wherever else it is kept."""
    schedules = [config.scheduler for config in trainer.lr_scheduler_configs]
    parts = (trainer.datamodule, *trainer.optimizers, *schedules, *trainer.callbacks)
    return {*map(id, parts), *map(id, trainer.lightning_module.modules())}


def _state_of(held: Any) -> Any:
    """Returns the state of an object that can load it again; None if it has none, or no plain one.

    An optimizer as `self.optimizers()` returns it is one of the Trainer's.
    """
    kind = type(held)
    if not (hasattr(kind, "state_dict") and hasattr(kind, "load_state_dict")):
        return None
    with suppress(Exception):  # code of its owner, which may want arguments
        state = held.state_dict()
        is_plain = numbers_in(state) < math.inf and not has_base(kind, "LightningOptimizer")
        return state if is_plain else None
    return None


def _is_state(value: Any) -> bool:
    return isinstance(value, tuple) and value[:1] == (_STATE,)


def _load(owner: Any, name: str, state: Any) -> None:
    held = vars(owner).get(name)
    if hasattr(held, "load_state_dict"):
        held.load_state_dict(state)


def _as_long_ago(name: str, value: Any, clocks: Mapping[str, tuple[float, float]]) -> Any:
    """Returns a time that was noted in the training, without the pause: as long ago as it was.

    Otherwise a limit of an hour would have passed whenever a trial pauses for two.
    """
    for clock, (began, saved) in clocks.items():
        is_time = type(value) is float and began <= value <= saved
        if is_time and (clock == "time" or _TIME_BY_NAME.search(name)):
            return value + _CLOCKS[clock]() - saved
    return value


@cache
def _of_lightning() -> frozenset[str]:
    return frozenset({*vars(pl.LightningModule()), "_log_hyperparams"})


def _is_of_library(kind: type) -> bool:
    """Returns whether a class is torch's or Lightning's, or a metric with a state of its own."""
    packages = [base.__module__.partition(".")[0] for base in kind.__mro__]
    return packages[0] in _LIBRARIES or "torchmetrics" in packages


def _set(owner: Any, name: str, value: Any) -> None:
    """Sets an attribute; fills the container that is there, which others may hold as well."""
    there = vars(owner).get(name)
    if isinstance(there, dict) and isinstance(value, dict):
        there.clear()
        there.update(value)
    elif isinstance(there, list | deque) and isinstance(value, list | deque):
        there.clear()
        there.extend(value)
    elif isinstance(there, set) and isinstance(value, set | list):
        there.clear()
        there.update(value)
    else:
        setattr(owner, name, value)
