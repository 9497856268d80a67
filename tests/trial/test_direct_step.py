"""A step by the optimizer's kernel alone: as the optimizer's own, bit for bit, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor
from torch.optim import SGD, Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import OneCycleLR

from hpsearch.trial.speedups.direct_step import direct_step

Make = Callable[[list[dict[str, list[Tensor]]]], Optimizer]


def weights() -> list[Tensor]:
    torch.manual_seed(0)
    return [torch.randn(size, requires_grad=True) for size in ((3, 5), (5,), (7, 2))]


def train(make: Make, *, direct: bool, idle: int | None = None) -> tuple[list[Tensor], Optimizer]:
    """Takes eight steps under a schedule; one parameter may have no gradient in one of them."""
    parameters = weights()
    optimizer = make([{"params": parameters[:2]}, {"params": parameters[2:]}])
    schedule = OneCycleLR(optimizer, [0.1, 0.01], total_steps=8, cycle_momentum=False)
    step = direct_step(optimizer) if direct else optimizer.step
    for number in range(8):
        for each in parameters:
            each.grad = torch.randn(each.shape, generator=torch.Generator().manual_seed(number))
        if number == idle:
            parameters[1].grad = None
        step()
        schedule.step()
    return parameters, optimizer


@pytest.mark.parametrize("idle", [None, 1, 5])
@pytest.mark.parametrize(
    "make",
    [
        partial(Adam, lr=0.1, fused=True, weight_decay=0.1),
        partial(Adam, lr=0.1, fused=True, maximize=True, betas=(0.8, 0.9)),
        partial(AdamW, lr=0.1, fused=True, amsgrad=True),
        partial(SGD, lr=0.1, fused=True),
        partial(SGD, lr=0.1, fused=True, momentum=0.9, dampening=0.1),
        partial(SGD, lr=0.1, fused=True, momentum=0.9, nesterov=True, weight_decay=0.1),
    ],
)
def test_weights_and_state_are_those_of_the_optimizers_own_steps(
    make: Make, idle: int | None
) -> None:
    wanted, own = train(make, direct=False, idle=idle)
    found, direct = train(make, direct=True, idle=idle)
    assert all(map(torch.equal, wanted, found))
    torch.testing.assert_close(direct.state_dict(), own.state_dict(), rtol=0.0, atol=0.0)


def test_the_kernel_is_what_is_called_once_there_is_state(monkeypatch: pytest.MonkeyPatch) -> None:
    optimizer = Adam(weights(), fused=True)
    step = direct_step(optimizer)
    taken = []
    real = optimizer.step
    monkeypatch.setattr(optimizer, "step", lambda: taken.append(real()))
    for _ in range(3):
        for each in optimizer.param_groups[0]["params"]:
            each.grad = torch.ones_like(each)
        step()
    assert len(taken) == 1
    assert {int(state["step"]) for state in optimizer.state.values()} == {3}


class Counting(Adam):
    """An optimizer of a person's own, whose step may do anything."""


@pytest.mark.parametrize(
    "make",
    [
        partial(Adam, foreach=True),
        partial(Adam, lr=torch.tensor(0.1), fused=True),
        partial(Counting, fused=True),
        partial(torch.optim.RMSprop, lr=0.1),
    ],
)
def test_any_other_optimizer_steps_itself(make: Callable[[list[Tensor]], Optimizer]) -> None:
    optimizer = make(weights())
    assert direct_step(optimizer) == optimizer.step


def test_an_optimizer_that_something_listens_to_steps_itself() -> None:
    optimizer = Adam(weights(), fused=True)
    optimizer.register_step_post_hook(lambda *_: None)
    assert direct_step(optimizer) == optimizer.step
