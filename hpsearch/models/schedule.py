"""Learning-rate schedules that change at every step and peak at the optimizer's rate."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import final

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from hpsearch.models.arguments import count, fraction, refuse

_START = 0.04  # of the peak: one-cycle begins at a 25th, as in torch's own OneCycleLR


class _StepSchedule(LRScheduler, ABC):
    """A factor on the optimizer's learning rate, as a function of the finished part of the run."""

    def __init__(
        self, optimizer: Optimizer, total_steps: int, warmup: float, last_epoch: int
    ) -> None:
        refuse(type(self).__name__, count("total_steps", total_steps), fraction("warmup", warmup))
        self.total_steps = total_steps
        self.warmup = warmup
        super().__init__(optimizer, last_epoch)

    @abstractmethod
    def factor(self, progress: float) -> float:
        """Returns the factor at a part of the run, 0 to 1."""

    def get_lr(self) -> list[float]:  # type: ignore[override]
        """Returns the learning rate of each parameter group for the coming step."""
        # The middle of the step, so that neither the first nor the last step has a rate of 0.
        progress = min((self.last_epoch + 0.5) / self.total_steps, 1.0)
        return [float(peak) * self.factor(progress) for peak in self.base_lrs]


@final
class OneCycle(_StepSchedule):
    """Rises to the optimizer's learning rate, then falls far below where it began.

    After Smith and Topin, "Super-Convergence", 2018, with cosines in both directions; the momentum
    is constant.

    Args:
        optimizer: whose learning rate is the peak.
        total_steps: steps of the whole training; hpsearch gives it.
        warmup: part of the steps in which the rate rises, 0 to below 1.
        final: the last rate as a fraction of the peak, 0 to below 1.
        last_epoch: the step before the first one; -1 for a fresh run.

    Raises:
        ValueError: an argument is out of its range.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        total_steps: int,
        warmup: float = 0.3,
        final: float = 1e-4,
        last_epoch: int = -1,
    ) -> None:
        refuse("OneCycle", fraction("final", final))
        self.final = final
        super().__init__(optimizer, total_steps, warmup, last_epoch)

    def factor(self, progress: float) -> float:
        """Returns the factor at a part of the run, 0 to 1."""
        if progress < self.warmup:
            return _cosine(_START, 1.0, progress / self.warmup)
        return _cosine(1.0, self.final, (progress - self.warmup) / (1 - self.warmup))


@final
class WarmupCosine(_StepSchedule):
    """Rises evenly to the optimizer's learning rate, then falls to 0 along a cosine.

    The fall after Loshchilov and Hutter, "SGDR", 2017; the warm-up after Goyal et al.,
    "Accurate, Large Minibatch SGD", 2017.

    Args:
        optimizer: whose learning rate is the peak.
        total_steps: steps of the whole training; hpsearch gives it.
        warmup: part of the steps in which the rate rises, 0 to below 1.
        last_epoch: the step before the first one; -1 for a fresh run.

    Raises:
        ValueError: an argument is out of its range.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        total_steps: int,
        warmup: float = 0.05,
        last_epoch: int = -1,
    ) -> None:
        super().__init__(optimizer, total_steps, warmup, last_epoch)

    def factor(self, progress: float) -> float:
        """Returns the factor at a part of the run, 0 to 1."""
        if progress < self.warmup:
            return progress / self.warmup
        return _cosine(1.0, 0.0, (progress - self.warmup) / (1 - self.warmup))


def _cosine(start: float, end: float, part: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * part)) / 2
