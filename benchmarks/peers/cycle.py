"""The learning-rate cycle of a trial: what hpsearch's `OneCycle` does, from torch's own."""

from __future__ import annotations

from torch.optim import Optimizer
from torch.optim.lr_scheduler import OneCycleLR


def one_cycle(optimizer: Optimizer, peak: float, steps: int) -> OneCycleLR:
    """Returns the schedule; its `step` is called after each of the optimizer's."""
    return OneCycleLR(optimizer, max_lr=peak, total_steps=steps, cycle_momentum=False)
