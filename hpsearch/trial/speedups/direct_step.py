"""An optimizer's step by its kernel alone, without the Python that prepares it every time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.optim import SGD, Adam, AdamW, Optimizer

from hpsearch.internals.lightning import fused_kernel, is_step_bare

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
        return _sgd_kernel(group, buffers)
    most = state("max_exp_avg_sq") if group["amsgrad"] else []
    return _adam_kernel(group, state("exp_avg"), state("exp_avg_sq"), most, state("step"))


def _sgd_kernel(group: Group, buffers: list[Tensor]) -> Kernel:
    """Returns what takes a step of SGD that is not its first; `buffers` is empty if none has."""
    parameters, kernel = group["params"], fused_kernel("sgd")

    def step(gradients: list[Tensor]) -> None:
        kernel(
            parameters,
            gradients,
            buffers,
            weight_decay=group["weight_decay"],
            momentum=group["momentum"],
            lr=group["lr"],
            dampening=group["dampening"],
            nesterov=group["nesterov"],
            maximize=group["maximize"],
            is_first_step=False,
        )

    return step


def _adam_kernel(group: Group, *states: list[Tensor]) -> Kernel:
    """Returns what takes a step of Adam or AdamW.

    Args:
        group: the optimizer's.
        states: of each parameter, the means of its gradients and of their squares, the largest of
            the latter (an empty list without `amsgrad`), and the number of its steps.
    """
    parameters, count = group["params"], fused_kernel("count")
    kernel = fused_kernel("adamw" if group["decoupled_weight_decay"] else "adam")

    def step(gradients: list[Tensor]) -> None:
        count(states[-1], 1)
        beta1, beta2 = group["betas"]
        kernel(
            parameters,
            gradients,
            *states,
            amsgrad=group["amsgrad"],
            lr=group["lr"],
            beta1=beta1,
            beta2=beta2,
            weight_decay=group["weight_decay"],
            eps=group["eps"],
            maximize=group["maximize"],
        )

    return step
