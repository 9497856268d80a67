"""The learning-rate cycle of a trial: the same as hpsearch's `OneCycle`, built with torch's own."""

from __future__ import annotations

from torch.optim import Optimizer
from torch.optim.lr_scheduler import OneCycleLR


def one_cycle(optimizer: Optimizer, peak: float, steps: int) -> OneCycleLR:
    """Returns the schedule; call its `step` after each step of the optimizer."""
    return OneCycleLR(optimizer, max_lr=peak, total_steps=steps, cycle_momentum=False)
