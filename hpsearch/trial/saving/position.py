"""A trial's position in its data: saved with its state, restored when it resumes.

Lightning saves how many batches of an epoch are done, but not which: a loader without its own state
begins its epoch again, in another order. Here the order is repeated (the random states at the
epoch's beginning are kept), the batches that were trained are read and skipped, and then the random
states at the moment of saving are restored.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch

from hpsearch.internals.lightning import (
    has_read_epoch,
    is_accumulating,
    load_loader_states,
    reload_in_turn,
    resume_after_epoch,
    training_fetcher,
    training_loaders,
)
from hpsearch.trial.saving.generators import get_state, own_generators, set_state

NOT_EXACT = (
    "its data loader draws random numbers while it is read and has no state_dict(), so the batches"
    " after the resume are not exactly those of an uninterrupted trial"
)
GRADIENTS_LOST = (
    "it was saved between two steps of the optimizer (accumulate_grad_batches), so the gradients"
    " accumulated by then are lost"
)


class DataPosition(pl.Callback):
    """Makes a resumed trial train on the same batches as an uninterrupted one.

    Bit for bit for every `DataLoader` with a length, whatever its workers, sampler or generator;
    for loaders with `state_dict` and `load_state_dict`, if these are correct; for other iterables,
    if what they draw while they are read is from generators of their own. What cannot be guaranteed
    is added to `notes`.

    Args:
        notes: receives a sentence on each thing that a resumed trial cannot guarantee.
    """

    supports_multi_step = True

    def __init__(self, notes: list[str]) -> None:
        self._notes = notes
        self._trainer: Any = None
        self._saved: Mapping[str, Any] = {}
        self._data_state: Mapping[str, Any] | None = None
        # What determines the order of the running epoch; None for the first epoch of a fresh trial,
        # which always begins in the same way.
        self._order: Mapping[str, Any] | None = None

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Remembers the Trainer whose position this is."""
        self._trainer = trainer

    def state_dict(self) -> dict[str, Any]:
        """Returns the position as plain data: a few kilobytes of random states."""
        trainer = self._trainer
        within = not has_read_epoch(trainer)
        done = trainer.fit_loop.epoch_loop.batch_progress.current.ready
        now = _order(trainer)
        return {
            "batches": done if within else 0,
            "accumulating": within and is_accumulating(trainer),
            "order": self._order if within else now,
            "random": now["random"],
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Keeps the position until the loaders exist."""
        self._saved = state_dict

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Keeps the data module's state, which reading the same batches twice may change.

        And has an epoch that was trained to its end not ended again.
        """
        resume_after_epoch(trainer)
        self._data_state = checkpoint.get(type(self._trainer.datamodule).__qualname__)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Records the random states that determine the epoch's order."""
        if trainer.current_epoch > 0 and not self._saved:
            self._order = _order(trainer)
        if self._saved:
            # The rows that were compared with the study's have been read meanwhile.
            self._restore_data(trainer)
        self._saved = {}

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Moves the loaders of a resumed trial to their saved position."""
        if not self._saved:
            return
        if self._saved["accumulating"]:
            self._notes.append(GRADIENTS_LOST)
        batches = self._saved["batches"]
        if _is_stateful(trainer):
            reload_in_turn(trainer)
            load_loader_states(trainer)
        else:
            self._repeat_order(trainer)
            self._pass_over(training_fetcher(trainer), batches)
        if batches:
            set_random_states(self._saved["random"])
            self._restore_data(trainer)
            # Lightning calls no on_train_epoch_start in the middle of an epoch.
            self._saved = {}
        elif self._data_state is not None:
            self._data_state = copy.deepcopy(self._trainer.datamodule.state_dict())

    def _repeat_order(self, trainer: Any) -> None:
        """Creates the epoch's iterator again from the same random states."""
        self._order = order = self._saved["order"]
        if order is None:
            return
        generators = own_generators(training_loaders(trainer))
        for generator, state in zip(generators, order["generators"], strict=False):
            set_state(generator, state)
        if state := order.get("data"):
            trainer.datamodule.load_state_dict(copy.deepcopy(state))
        set_random_states(order["random"])
        reload_in_turn(trainer)
        for loader in training_loaders(trainer):
            _set_epoch(loader, trainer.fit_loop.epoch_progress.current.processed)
        iter(training_fetcher(trainer))

    def _restore_data(self, trainer: Any) -> None:
        if self._data_state is not None:
            trainer.datamodule.load_state_dict(self._data_state)

    def _pass_over(self, fetcher: Any, batches: int) -> None:
        before = random_states()
        for _ in range(batches):
            next(fetcher)
        # Lightning adds the finished batches to the number this fetcher has fetched.
        fetcher.fetched -= batches
        if batches and fetcher.length is None and not _equal(before, random_states()):
            self._notes.append(NOT_EXACT)


def random_states() -> dict[str, Any]:
    """Returns the states of Python's, NumPy's and torch's generators, as plain data."""
    version, words, gauss = random.getstate()
    words_of_numpy: Any = np.random.get_state(legacy=True)
    name, keys, position, has_gauss, cached = words_of_numpy
    return {
        "python": [version, torch.tensor(words, dtype=torch.int64), gauss],
        "numpy": [name, torch.tensor(keys.astype(np.int64)), position, has_gauss, cached],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else [],  # type: ignore[no-untyped-call]
    }


def set_random_states(states: Mapping[str, Any]) -> None:
    """Restores what `random_states` returned."""
    version, words, gauss = states["python"]
    random.setstate((version, tuple(words.tolist()), gauss))
    name, keys, position, has_gauss, cached = states["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), position, has_gauss, cached))
    torch.set_rng_state(states["torch"].cpu())
    if torch.cuda.is_initialized() and states["cuda"]:  # type: ignore[no-untyped-call]
        torch.cuda.set_rng_state_all([state.cpu() for state in states["cuda"]])


def _order(trainer: Any) -> dict[str, Any]:
    """Returns what determines the order of an epoch that begins now."""
    states = [get_state(generator) for generator in own_generators(training_loaders(trainer))]
    data = copy.deepcopy(trainer.datamodule.state_dict()) if trainer.datamodule else {}
    return {"random": random_states(), "generators": states, "data": data}


def _equal(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return (
        torch.equal(one["torch"], other["torch"])
        and torch.equal(one["python"][1], other["python"][1])
        and torch.equal(one["numpy"][1], other["numpy"][1])
        and one["numpy"][2] == other["numpy"][2]
    )


def _is_stateful(trainer: Any) -> bool:
    """Returns whether every loader keeps its own position, which Lightning saves and loads."""
    loaders = training_loaders(trainer)
    return all(hasattr(one, "state_dict") and hasattr(one, "load_state_dict") for one in loaders)


def _parts(loader: Any) -> Iterator[Any]:
    yield loader
    yield getattr(loader, "sampler", None)
    batches = getattr(loader, "batch_sampler", None)
    yield batches
    yield getattr(batches, "sampler", None)


def _set_epoch(loader: Any, epoch: int) -> None:
    """Sets the samplers' epoch, as Lightning does, but before they are read."""
    for part in _parts(loader):
        if callable(set_epoch := getattr(part, "set_epoch", None)):
            set_epoch(epoch)
