"""An optimizer's step by its kernel alone, without the Python that prepares it every time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.optim import SGD, Adam, AdamW, Optimizer

from hpsearch.internals.lightning import fused_adam_step, fused_sgd_step, is_step_bare

Group = Mapping[str, Any]
# Takes the step of a group, given the gradient of each of its parameters.
Kernel = Callable[[list[Tensor]], None]


def direct_step(optimizer: Optimizer) -> Callable[[], object]:
    """Returns what takes a step of the optimizer: its fused kernel alone, where that is enough.

    The kernel works on the optimizer's own parameters and state, with what its groups say at each
    step: weights and state are the same, bit for bit. For a small network the preparations take
    longer than the kernel.

    Args:
        optimizer: its own `step` is returned if it is not a fused Adam, AdamW or SGD whose groups
            are of one device and type each, or if something listens to its steps.
    """
    if not all(_is_fused(optimizer, group) for group in optimizer.param_groups):
        return optimizer.step
    parameters = [group["params"] for group in optimizer.param_groups]
    kernels: list[Kernel] = []

    @torch.no_grad()
    def step() -> object:
        gradients = [[each.grad for each in group] for group in parameters]
        if any(grad is None for group in gradients for grad in group):
            # A layer that took no part in this step.
            return optimizer.step()
        if not kernels:
            # It makes what state is missing.
            result = optimizer.step()
            kernels.extend(_kernel(optimizer, group) for group in optimizer.param_groups)
            return result
        for kernel, group in zip(kernels, gradients, strict=True):
            kernel(group)
        return None

    return step


def _is_fused(optimizer: Optimizer, group: Group) -> bool:
    kinds = {(each.device, each.dtype) for each in group["params"]}
    return (
        type(optimizer) in (Adam, AdamW, SGD)
        and bool(group["fused"])
        and len(kinds) == 1
        and not isinstance(group["lr"], Tensor)
        and is_step_bare(optimizer)
    )


def _kernel(optimizer: Optimizer, group: Group) -> Kernel:
    parameters: list[Tensor] = group["params"]

    def state(name: str) -> list[Tensor]:
        return [optimizer.state[each][name] for each in parameters]

    if isinstance(optimizer, SGD):
        buffers = state("momentum_buffer") if group["momentum"] else []
        return lambda gradients: fused_sgd_step(parameters, gradients, buffers, group=group)
    most = state("max_exp_avg_sq") if group["amsgrad"] else []
    states = state("exp_avg"), state("exp_avg_sq"), most, state("step")
    return lambda gradients: fused_adam_step(parameters, gradients, *states, group=group)
