"""The study file's optimizer and schedule, set on a LightningModule from outside."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl
import torch
from torch.optim import SGD, Adam, AdamW, Optimizer

from hpsearch.classes.binding import instantiate
from hpsearch.classes.components import resolve

# Optimizers whose fused version runs on CPUs and GPUs alike.
FUSED = (Adam, AdamW, SGD)


def attach(
    module: pl.LightningModule,
    optimizer: Mapping[str, Any] | None,
    schedule: Mapping[str, Any] | None,
) -> None:
    """Makes the module use this optimizer and schedule instead of its own.

    Without an `optimizer` the module keeps its own `configure_optimizers`. As in LightningCLI, that
    method is overridden, so any LightningModule can be searched unchanged.
    """
    if optimizer is None:
        return

    def configure_optimizers() -> dict[str, Any]:
        wanted = [parameter for parameter in module.parameters() if parameter.requires_grad]
        trainer: Any = module.trainer
        fuses = can_fuse(
            optimizer, module, trainer.precision, clips=bool(trainer.gradient_clip_val)
        )
        faster = {"fused": True} if fuses else {}
        built: Optimizer = instantiate(optimizer, params=wanted, **faster)
        if schedule is None:
            return {"optimizer": built}
        return {"optimizer": built, "lr_scheduler": build_schedule(schedule, built, module)}

    module.configure_optimizers = configure_optimizers  # type: ignore[method-assign,assignment]


def can_fuse(
    optimizer: Mapping[str, Any], module: torch.nn.Module, precision: str, *, clips: bool
) -> bool:
    """Returns whether the optimizer's fused version can replace it: the same result, faster.

    Not if the study file chooses a version, if gradients are sparse, in 16 bits, which need a
    scaler, or if gradients are clipped in mixed precision, which Lightning refuses.
    """
    chosen = {"fused", "foreach", "capturable", "differentiable"}
    return (
        resolve(optimizer["class_path"]) in FUSED
        and not chosen & set(optimizer.get("init_args") or {})
        and precision in ("32-true", "bf16-true", *["bf16-mixed"] * (not clips))
        and all(parameter.is_floating_point() for parameter in module.parameters())
        and not any(getattr(layer, "sparse", False) for layer in module.modules())
    )


def build_schedule(
    schedule: Mapping[str, Any], optimizer: Optimizer, module: pl.LightningModule
) -> dict[str, Any]:
    """Returns the schedule in Lightning's form.

    A schedule that takes `total_steps` (one-cycle, warm-up with cosine) is stepped after every
    batch and gets the total number of steps; others are stepped after every epoch, unless
    `interval` says otherwise.
    """
    takes = inspect.signature(resolve(schedule["class_path"])).parameters
    arguments = schedule.get("init_args") or {}
    counted = "total_steps" in takes and not {"total_steps", "epochs"} & set(arguments)
    extra: dict[str, Any] = {"optimizer": optimizer}
    if counted:
        extra["total_steps"] = int(module.trainer.estimated_stepping_batches)
    component = {"class_path": schedule["class_path"], "init_args": arguments}
    return {
        "scheduler": instantiate(component, **extra),
        "interval": schedule.get("interval") or ("step" if "total_steps" in takes else "epoch"),
        **({"monitor": schedule["monitor"]} if "monitor" in schedule else {}),
    }
