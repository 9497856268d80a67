"""A module whose outputs differ at every call, so that no exported file can agree with it."""

from __future__ import annotations

import tiny
import torch
from torch import Tensor


class Nondeterministic(tiny.TinyModel):
    def forward(self, points: Tensor) -> Tensor:
        return super().forward(points) + torch.rand_like(points[:, :1])


class Branching(tiny.TinyModel):
    def forward(self, points: Tensor) -> Tensor:
        outputs = super().forward(points)
        return outputs if outputs.sum().item() > 0 else -outputs


class LargeOutputs(tiny.TinyModel):
    """Its outputs are large, and differ by their last digits from one call to the next."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 1000 + super().forward(x) + 1e-3 * torch.rand(1)


class Counting(tiny.TinyModel):
    """Counts its rows as people do, which fixes their number in a graph."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x).view(len(x), -1)
