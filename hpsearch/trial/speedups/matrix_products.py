"""Matrix products by oneDNN where they are as accurate as by MKL, which is slow on AMD.

torch has one switch for them: products of float32 may take bf16. With units for it, oneDNN does
that; without, it computes in float32 after all, by kernels of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

ERROR = 1e-6  # relative: that of sums of float32 in another order
ROWS = 128
_MKLDNN: Any = torch.backends.mkldnn  # torch's older name of oneDNN
_USUAL: list[str] = []


def take_onednn(module: nn.Module, wanted: bool) -> None:
    """Has this process multiply matrices by oneDNN if that is wanted and accurate, else as usual.

    Args:
        module: its linear layers have the shapes that must be accurate.
        wanted: what the study file says.
    """
    switch = _MKLDNN.matmul
    if wanted and is_onednn_accurate(module):
        _USUAL.append(switch.fp32_precision)
        switch.fp32_precision = "bf16"
    elif _USUAL:  # another trial of this process has taken it
        switch.fp32_precision = _USUAL.pop(0)
        _USUAL.clear()


def is_onednn_accurate(module: nn.Module) -> bool:
    """Returns whether oneDNN's products in linear layers, forward and backward, are accurate."""
    switch = _MKLDNN.matmul
    if not _MKLDNN.is_available():
        return False
    usual = switch.fp32_precision
    try:
        switch.fp32_precision = "bf16"
        return all(_error(*factors) <= ERROR for factors in _products(module))
    finally:
        switch.fp32_precision = usual


def _products(module: nn.Module) -> Iterator[tuple[Tensor, Tensor]]:
    layers = [part for part in module.modules() if isinstance(part, nn.Linear)]
    chance = torch.Generator().manual_seed(0)
    for width, units in dict.fromkeys((each.in_features, each.out_features) for each in layers):
        inputs, weights, slopes = (
            torch.randn(shape, generator=chance)
            for shape in ((ROWS, width), (units, width), (ROWS, units))
        )
        yield inputs, weights.t()
        yield slopes, weights
        yield slopes.t(), inputs


@torch.no_grad()
def _error(left: Tensor, right: Tensor) -> float:
    exact = left.double() @ right.double()
    return float((left @ right - exact).norm() / exact.norm())
