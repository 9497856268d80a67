"""Many batches in one of Lightning's training steps, which costs more than a small network's own.

Lightning takes some 1.7 ms around every call of `training_step`, a small network less than half
of that for the whole step. So the module's `training_step` is replaced by one that is handed the
loader's iterator, which Lightning supports, and takes batches from it for half a second.
The last of them is left to Lightning, which still does everything that is due between
steps: schedules of every kind, validation, signals, counting. Of the others, no step costs more
than it must: see `direct_step.py` and `written_out.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from hpsearch.internals.lightning import count_step, set_current_batch
from hpsearch.trial.speedups.direct_step import direct_step
from hpsearch.trial.speedups.overrides import overrides
from hpsearch.trial.speedups.written_out import write_out

CHUNK_S = 0.5
FULL = "32-true"
TRANSFER_HOOKS = (
    "on_before_batch_transfer",
    "transfer_batch_to_device",
    "on_after_batch_transfer",
)


def enable_multi_step(module: pl.LightningModule) -> None:
    """Makes the module train many batches in each Lightning step; see `multi_step_blocker`."""
    loop = _MultiStepLoop(module, module.training_step)
    module.training_step = loop.first  # type: ignore[method-assign]


class _MultiStepLoop:
    """A `training_step` made of many.

    The arithmetic, its order and the counters are those of as many steps of Lightning's own: the
    weights are the same, bit for bit, wherever one begins and ends. Callbacks are called at the end
    of every batch. One that then sets `should_stop` gets one batch more than from Lightning.
    """

    def __init__(self, module: pl.LightningModule, step: Callable[..., Any]) -> None:
        self._module = module
        self._step = step

    def first(self, dataloader_iter: Any) -> Tensor:
        """Trains the first chunk, and leaves the others to `further`.

        When Lightning sets up the loader, it knows by the argument's name that it is to hand over
        the iterator. Later it would only refuse to log an epoch's metrics for that name.
        """
        self._module.training_step = self.further  # type: ignore[method-assign]
        return self.further(dataloader_iter)

    def further(self, batches: Any) -> Tensor:
        """Trains batches until it is time or none is left, and returns the loss of the last."""
        trainer: Any = self._module.trainer
        if trainer.precision == FULL:
            return self._train(batches, nullcontext)
        # Lightning lowers the precision around its training step: here that is all of this.
        with _full_precision(trainer.strategy.root_device):
            return self._train(batches, trainer.precision_plugin.train_step_context)

    def _train(self, batches: Any, lowered: Callable[[], AbstractContextManager[object]]) -> Tensor:
        module = self._module
        trainer: Any = module.trainer
        loop = trainer.fit_loop.epoch_loop
        bring = self._transfer()
        optimizer = trainer.optimizers[0]
        step = direct_step(optimizer)
        # What `zero_grad` does, without its preparations, which take as long as a layer.
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        schedulers = [c.scheduler for c in trainer.lr_scheduler_configs if c.interval == "step"]
        listeners = [c for c in trainer.callbacks if overrides(c, "on_train_batch_end")]
        # Lightning asks a module's schedule less often than every step, or for a metric: its own
        # count of steps decides then, and so each step is its own.
        plain = all(map(_is_plain, trainer.lr_scheduler_configs))
        written_out = write_out(module) if trainer.precision == FULL else None
        until = time.monotonic() + (CHUNK_S if plain else 0.0)
        while True:
            batch, index, _ = next(batches)
            batch = bring(batch)
            # What callbacks are given at the end of Lightning's own step.
            set_current_batch(batches.data_fetcher, batch)
            last = batches.done or trainer.should_stop or time.monotonic() >= until
            if last:
                return self._loss(batch, index, lowered)
            loss = written_out(batch) if written_out else None
            if loss is None:
                loss = self._loss(batch, index, lowered)
                for parameter in parameters:
                    parameter.grad = None
                loss.backward()  # type: ignore[no-untyped-call]
            if trainer.gradient_clip_val:
                module.configure_gradient_clipping(
                    optimizer, trainer.gradient_clip_val, trainer.gradient_clip_algorithm
                )
            step()
            for scheduler in schedulers:
                scheduler.step()
            loop.automatic_optimization.optim_progress.optimizer.step.increment_by(1)
            outputs = {"loss": loss.detach()}
            for listener in listeners:
                listener.on_train_batch_end(trainer, module, outputs, batch, index)
            loop.batch_progress.increment_by(1)
            count_step(trainer)

    def _loss(
        self, batch: Any, index: int, lowered: Callable[[], AbstractContextManager[object]]
    ) -> Tensor:
        with lowered():
            loss: Tensor = self._step(batch, index)
        return loss

    def _transfer(self) -> Callable[[Any], Any]:
        """Returns what brings a batch to the device, by the data's hooks, else the module's."""
        trainer: Any = self._module.trainer
        data, device = trainer.datamodule, trainer.strategy.root_device
        before, move, after = (
            getattr(data if overrides(data, hook) else self._module, hook)
            for hook in TRANSFER_HOOKS
        )
        if trainer.precision == FULL:
            return lambda batch: after(move(before(batch, 0), device, 0), 0)
        convert = trainer.precision_plugin.convert_input
        return lambda batch: after(move(before(convert(batch), 0), device, 0), 0)


@contextmanager
def _full_precision(device: torch.device) -> Iterator[None]:
    """Leaves, for its block, the lower precision that a training step runs in."""
    lowered = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        with torch.autocast(device.type, enabled=False):
            yield
    finally:
        torch.set_default_dtype(lowered)


def _is_plain(config: Any) -> bool:
    return config.interval == "epoch" or (config.frequency == 1 and not config.reduce_on_plateau)
