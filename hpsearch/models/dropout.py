"""Dropout in a fifth of the time of torch's on a CPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor, nn

_LEVELS = 2**16


@final
class Dropout(nn.Dropout):
    """Zeroes a share `p` of the numbers in training and scales up the others, like `nn.Dropout`.

    On a CPU torch draws one random number for each value, a fifth of a small CNN's step. Here one
    64-bit draw decides four values, so `p` is a multiple of 1/65,536; the scale uses that exact
    probability, so the mean is kept.
    """

    def forward(self, numbers: Tensor) -> Tensor:
        """Returns the numbers, of any shape, some of them zero."""
        if not self.training or not self.p:
            return numbers
        fast = numbers.device.type == "cpu" and self.draws_bits
        if not fast or torch.compiler.is_compiling():
            return super().forward(numbers)
        return numbers * self.draw(numbers)

    @property
    def draws_bits(self) -> bool:
        """Whether its share can be drawn on a CPU as described: it is not too near to 0 or 1."""
        return self._kept not in (0, _LEVELS)

    @property
    def _kept(self) -> int:
        return round((1 - self.p) * _LEVELS)

    def draw(self, numbers: Tensor) -> Tensor:
        """Returns what a CPU multiplies the numbers by: 0, or the same number above 1 for each."""
        count, kept = numbers.numel(), self._kept
        draws = torch.empty(-(-count // 4), dtype=torch.int64).random_(-(2**63), None)
        mask = torch.empty_like(numbers)
        # In memory order, whatever that is.
        flat = mask.as_strided((count,), (1,))
        torch.lt(draws.view(torch.int16)[:count], kept - _LEVELS // 2, out=flat)
        return mask.mul_(_LEVELS / kept)


def one_for_each(dropout: float | Sequence[float], count: int) -> list[float]:
    """Returns one rate for each layer: those of a list, or one number for all."""
    return [*dropout] if isinstance(dropout, Sequence) else [dropout] * count


def of_the_last(dropout: float | Sequence[float]) -> list[float]:
    """Returns the rates of a list; a single number is the rate of the last features."""
    return [*dropout] if isinstance(dropout, Sequence) else [dropout]
