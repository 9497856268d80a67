"""The study file's optimizer and schedule, put into a LightningModule from outside."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl
import torch
from torch.optim import SGD, Adam, AdamW, Optimizer

from hpsearch.classes.binding import instantiate
from hpsearch.classes.components import resolve

# Those whose fused version runs on CPUs and GPUs alike.
FUSED = (Adam, AdamW, SGD)


def attach(
    module: pl.LightningModule,
    optimizer: Mapping[str, Any] | None,
    schedule: Mapping[str, Any] | None,
) -> None:
    """Makes the module use this optimizer and schedule instead of its own.

    Without an `optimizer` the module's own `configure_optimizers` stays. The way of LightningCLI,
    which overrides the same method, so that any LightningModule can be searched unchanged.
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
    """Returns whether the optimizer's one-kernel version can take its place: the same, but faster.

    Not where the study file chooses among the versions, nor for gradients that are sparse, nor in
    16 bits, which need a scaler, nor in mixed precision where gradients are clipped, since
    Lightning refuses to.
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
    """Returns the schedule as Lightning wants it.

    A schedule that takes `total_steps` (one-cycle, warm-up with cosine) is stepped after every
    batch and get the total number; others after every epoch, unless `interval` says so.
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
