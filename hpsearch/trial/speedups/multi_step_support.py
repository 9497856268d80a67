"""When a trial may train several batches per step, and when Lightning takes single steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch.optim import LBFGS

from hpsearch.classes.components import resolve
from hpsearch.errors import InputError
from hpsearch.trial.speedups.overrides import overrides

# Trainer arguments that make no difference between multi-step and single steps.
SAFE = frozenset(
    {
        "benchmark",
        "callbacks",
        "check_val_every_n_epoch",
        "deterministic",
        "enable_checkpointing",
        "gradient_clip_algorithm",
        "gradient_clip_val",
        "inference_mode",
        "limit_predict_batches",
        "limit_test_batches",
        "limit_train_batches",
        "limit_val_batches",
        "log_every_n_steps",
        "logger",
        "max_epochs",
        "max_time",
        "min_epochs",
        "num_sanity_val_steps",
    }
)
# Others make no difference at these values.
NEUTRAL: Mapping[str, Sequence[Any]] = {
    "accumulate_grad_batches": (1,),
    "detect_anomaly": (False,),
    "fast_dev_run": (False, 0),
    "max_steps": (-1,),
    "min_steps": (None,),
    "overfit_batches": (0, 0.0),
    "reload_dataloaders_every_n_epochs": (0,),
    "precision": (None, 32, "32", "32-true", "bf16", "bf16-mixed", "bf16-true"),
    "val_check_interval": (None, 1.0),
}
# Hooks in the middle of a step, which multi-step training does not call.
INNER_HOOKS = (
    "on_train_batch_start",
    "on_before_zero_grad",
    "on_before_backward",
    "on_after_backward",
    "on_before_optimizer_step",
)
MODULE_HOOKS = (
    *INNER_HOOKS,
    "on_train_batch_end",
    "backward",
    "optimizer_step",
    "optimizer_zero_grad",
    "lr_scheduler_step",
)


def multi_step_blocker(
    module: Any, data: Any, config: Mapping[str, Any], callbacks: Sequence[Any]
) -> str | None:
    """Returns what keeps a trial from multi-step training; None if nothing does.

    The module and the data module say `supports_multi_step = True` if they allow it: the module,
    that its `training_step(batch, batch_idx)` returns the loss, logs nothing, and that it has one
    optimizer; the data module, that its training loader has a length.

    Args:
        module: the LightningModule.
        data: the LightningDataModule.
        config: the study file's sections with every value filled in.
        callbacks: the Trainer's. One that has hooks in the middle of a step rules it out unless it
            says `supports_multi_step = True`; `on_train_batch_end` is called for every batch.

    Raises:
        InputError: one of them has the attribute's old name, `may_scan`.
    """
    for part in (module, data, *callbacks):
        if hasattr(part, "may_scan"):
            name = type(part).__name__
            raise InputError(f"{name}.may_scan is called supports_multi_step now: rename it")
    if not module.automatic_optimization:
        return f"{type(module).__name__} optimizes by itself"
    for part in (module, data):
        if not getattr(part, "supports_multi_step", False):
            return f"{type(part).__name__} does not say supports_multi_step = True"
    for name, value in config["trainer"].items():
        if name not in SAFE and not _is_neutral(name, value):
            return f"trainer.{name}"
    if not _is_plain(config.get("optimizer")):
        return "the optimizer takes more than a step at a time"
    inner = [
        callback for callback in callbacks if not getattr(callback, "supports_multi_step", False)
    ]
    hooked = [(module, MODULE_HOOKS), *((callback, INNER_HOOKS) for callback in inner)]
    for part, hooks in hooked:
        for hook in hooks:
            if overrides(part, hook):
                return f"{type(part).__name__}.{hook}"
    return None


def _is_neutral(name: str, value: Any) -> bool:
    # By type as well: `val_check_interval` 1 is every batch, and 1.0 the end of the epoch.
    return any(type(value) is type(ok) and value == ok for ok in NEUTRAL.get(name, ()))


def _is_plain(optimizer: Mapping[str, Any] | None) -> bool:
    """Returns whether an optimizer is known to compute its loss once per step."""
    if optimizer is None:
        return True
    cls = resolve(optimizer["class_path"])
    # Some say they are of torch.optim, others of a module in it.
    return f"{cls.__module__}.".startswith("torch.optim.") and not issubclass(cls, LBFGS)
