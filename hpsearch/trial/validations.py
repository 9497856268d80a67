"""Which metrics a validation logged, and how far the training was at the time."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import torch
from torch.nn.parameter import is_lazy

from hpsearch.classes.signature import has_base
from hpsearch.internals.lightning import has_validation_data, is_epoch_trained, may_stop
from hpsearch.studyfile.diagnostics import nearest
from hpsearch.trial.speedups.overrides import overrides
from hpsearch.trial.stage import NotFiniteError

NOTHING_VALIDATED = (
    "nothing was validated, so there is nothing to report: the training ended before its first"
    " validation; see trainer.max_epochs, max_steps, val_check_interval and check_val_every_n_epoch"
)


class BadMetricError(Exception):
    """An objective cannot be used: it was not logged."""


class FreshMetrics:
    """Separates new metrics from those that Lightning still holds from before.

    `trainer.callback_metrics` keeps a metric that was not logged again, with the same tensor, so
    its reader could take an old value for a new one.
    """

    def __init__(self) -> None:
        self._before_epoch: dict[str, Any] = {}
        self._before_validation: dict[str, Any] = {}
        self._of_validations: set[str] = set()

    def begin_epoch(self, trainer: Any) -> None:
        """Remembers the metrics present when an epoch begins."""
        self._before_epoch = dict(trainer.callback_metrics)

    def begin_validation(self, trainer: Any) -> None:
        """Remembers the metrics present when a validation begins."""
        self._before_validation = dict(trainer.callback_metrics)

    def of_validation(self, trainer: Any) -> dict[str, float]:
        """Returns what was logged since the validation began."""
        found = _changed(trainer.callback_metrics, self._before_validation)
        self._of_validations |= found.keys()
        return found

    def of_training(self, trainer: Any) -> dict[str, float]:
        """Returns what the training logged since the epoch began."""
        found = _changed(trainer.callback_metrics, self._before_epoch)
        return {name: value for name, value in found.items() if name not in self._of_validations}


def pick_objectives(
    metrics: Mapping[str, float],
    objectives: Mapping[str, object],
    logged: Collection[str],
    module: torch.nn.Module,
) -> dict[str, float]:
    """Returns the objectives' values among the metrics.

    Args:
        metrics: what was logged and measured.
        objectives: names.
        logged: names of what was logged, for the message.
        module: what was trained, for the message.

    Raises:
        BadMetricError: one is missing; the message names the metrics there are.
        NotFiniteError: one is NaN or infinite.
    """
    missing = [name for name in objectives if name not in metrics]
    if missing:
        raise BadMetricError(
            f"the objective {missing[0]} was not logged; the validation logged"
            f" {', '.join(sorted(logged)) or 'nothing'}."
            f" {advice_on(missing[0], logged, objectives[missing[0]])}"
        )
    for name in objectives:
        if not math.isfinite(metrics[name]):
            raise NotFiniteError(f"the objective {name} is {metrics[name]}{_cause_in(module)}")
    return {name: metrics[name] for name in objectives}


def _cause_in(module: torch.nn.Module) -> str:
    """Returns what the weights say about a metric that is not finite."""
    known = (each for each in module.parameters() if not is_lazy(each))
    if all(bool(each.isfinite().all()) for each in known):
        return (
            ", although all weights are finite: look at how it is calculated, such as a mean over"
            " no samples, a division by 0 or an overflow"
        )
    return ": the training diverged, weights are not finite"


def advice_on(objective: str, logged: Collection[str], direction: object) -> str:
    """Returns what to do about an objective that was not logged."""
    longer = sorted(name for name in logged if name.startswith(objective))
    near = longer[0] if longer else nearest(objective, logged, likeness=0.75)
    if near:
        return f"Write objective: {{{near}: {direction}}}, or log {objective} with self.log"
    if not logged:
        return "Log it with self.log(..., on_epoch=True)"
    return "Log it with self.log, or name one of these in study.objective"


def validates(trainer: Any) -> bool:
    """Returns whether a training validates at all: it has a validation step, and data."""
    if not trainer.enable_validation:
        return False
    return has_validation_data(trainer) is not False


def set_up_validation(trainer: Any) -> None:
    """Makes Lightning build the validation loaders, as if the first epoch validated."""
    if trainer.val_dataloaders is None and trainer.enable_validation:
        trainer.validating = True
        trainer.fit_loop.epoch_loop.val_loop.setup_data()
        trainer.training = True


def why_not_validated(trainer: Any) -> str:
    """Returns why a training does not validate; empty if it does."""
    if validates(trainer):
        return ""
    module = trainer.lightning_module
    if not overrides(module, "validation_step"):
        return f"{type(module).__name__} has no validation_step"
    return "val_dataloader() gives no batches"


def averaging_passes(trainer: Any, epochs: int | None) -> int:
    """Returns how often a training goes through its data after its last epoch, training nothing.

    Lightning's stochastic weight averaging does once if there is batch normalization, whose
    statistics then become those of the averaged weights.

    Args:
        trainer: it has begun.
        epochs: `trainer.max_epochs` of the study file.
    """
    averages = any(has_base(type(one), "StochasticWeightAveraging") for one in trainer.callbacks)
    return int(averages and epochs is not None and trainer.max_epochs == epochs + 1)


def epoch_of(trainer: Any, epochs: int | None) -> int:
    """Returns the number of the epoch, from 1; `averaging_passes` belong to the last one."""
    return int(trainer.current_epoch) + (0 if _is_averaging(trainer, epochs) else 1)


def _is_averaging(trainer: Any, epochs: int | None) -> bool:
    return trainer.current_epoch == epochs and averaging_passes(trainer, epochs) > 0


def is_before_average(trainer: Any, epochs: int | None) -> bool:
    """Returns whether the validation at the end of `averaging_passes` is that of the last epoch.

    Then one before it is not: the last of the epoch itself, or one within the pass.
    """
    if not averaging_passes(trainer, epochs) or trainer.should_stop:
        return False
    assert epochs is not None
    at_end = trainer.fit_loop.epoch_loop.batch_progress.is_last_batch
    if trainer.current_epoch == epochs:
        return not at_end
    validates_average = (epochs + 1) % (trainer.check_val_every_n_epoch or 1) == 0
    return bool(trainer.current_epoch + 1 == epochs and at_end and validates_average)


def stop(trainer: Any) -> None:
    """Ends the training, regardless of the minimum number of epochs or steps."""
    trainer.should_stop = True
    trainer.fit_loop.min_epochs = None
    trainer.fit_loop.epoch_loop.min_steps = None


def epochs_done(trainer: Any) -> float:
    """Returns how often the training has gone through its data; whole epochs for endless data.

    Valid within an epoch, or when one ends.
    """
    batches = trainer.num_training_batches
    ready = trainer.fit_loop.epoch_loop.batch_progress.current.ready
    if not math.isfinite(batches) or not batches:
        return float(
            trainer.current_epoch + trainer.fit_loop.epoch_loop.batch_progress.is_last_batch
        )
    return float(round(trainer.current_epoch + ready / batches, 4))


def is_last_validation(trainer: Any, epochs: int | None = None) -> bool:
    """Returns whether the training will end before it validates again, as far as can be foreseen.

    Valid before the training, after a validation, or when an epoch ends.

    Args:
        trainer: the training.
        epochs: see `averaging_passes`.
    """
    if _is_averaging(trainer, epochs):
        return True
    if trainer.should_stop and may_stop(trainer):
        return True
    left, ahead = batches_left(trainer), _batches_to_validation(trainer)
    return left <= 0 or ahead > left or math.isinf(ahead)


def planned_validations(trainer: Any) -> float:
    """Returns how many validations a training has in all; infinity if unknown."""
    batches, every, nth = (
        trainer.num_training_batches,
        trainer.val_check_batch,
        trainer.check_val_every_n_epoch,
    )
    whole = batches_left(trainer) + trainer.fit_loop.epoch_loop.batch_progress.total.ready
    if _is_by_epochs(trainer):
        return float(trainer.max_epochs // nth)
    if every is None or math.isinf(whole):
        return math.inf
    if nth is None:
        return float(whole // every)
    if math.isinf(batches):
        return float(whole // every) if math.isfinite(every) else math.inf
    epochs, rest = divmod(whole, batches)
    return float((epochs // nth) * (batches // every) + (rest // every if nth == 1 else 0))


def batches_left(trainer: Any) -> float:
    """Returns how many more batches the training takes; infinity if unknown."""
    batches = trainer.num_training_batches
    unlimited = trainer.max_epochs in (-1, None)
    epochs = math.inf if unlimited else trainer.max_epochs - trainer.current_epoch
    if math.isfinite(batches):
        left = epochs * batches - trainer.fit_loop.epoch_loop.batch_progress.current.ready
    else:
        left = math.inf if epochs > 1 or not is_epoch_trained(trainer) else 0
    if trainer.max_steps == -1:
        return float(left)
    steps = trainer.max_steps - trainer.global_step
    return float(min(left, steps * trainer.accumulate_grad_batches))


def _batches_to_validation(trainer: Any) -> float:
    """Returns the number of batches before the next validation; 0 if unknown, infinity if none."""
    progress, batches = trainer.fit_loop.epoch_loop.batch_progress, trainer.num_training_batches
    every, nth = trainer.val_check_batch, trainer.check_val_every_n_epoch
    if _is_by_epochs(trainer) and -(-(trainer.current_epoch + 1) // nth) * nth > trainer.max_epochs:
        return math.inf
    if every is None or math.isinf(every):
        return 0.0
    if nth is None:
        return float(every - progress.total.ready % every)
    ready, epochs_before = progress.current.ready, -(trainer.current_epoch + 1) % nth
    within = every - ready % every
    if not epochs_before and ready + within <= batches:
        return float(within)
    return float(batches - ready + ((epochs_before or nth) - 1) * batches + every)


def _is_by_epochs(trainer: Any) -> bool:
    """Returns whether data of unknown length are validated at the ends of a number of epochs."""
    every, nth = trainer.val_check_batch, trainer.check_val_every_n_epoch
    unbounded = trainer.max_epochs in (-1, None) or trainer.max_steps != -1
    return nth is not None and every is not None and math.isinf(every) and not unbounded


def _changed(now: dict[str, Any], before: dict[str, Any]) -> dict[str, float]:
    return {name: plain(value) for name, value in now.items() if before.get(name) is not value}


def plain(value: Any) -> float:
    """Returns a float32 metric with its significant digits: 0.975 instead of 0.9750000238418579.

    Rounded to 32 bits, the result is the metric again.
    """
    wide = isinstance(value, torch.Tensor) and value.dtype == torch.float64
    number = float(value)
    if wide or not isinstance(value, torch.Tensor) or not math.isfinite(number):
        return number
    return float(str(np.float32(number)))
