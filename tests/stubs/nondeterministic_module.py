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
