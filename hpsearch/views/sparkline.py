"""A learning curve in one line of text."""

from __future__ import annotations

import math
from collections.abc import Sequence

BARS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float], width: int) -> str:
    """Returns the curve as bars from its own least to its own greatest value.

    Args:
        values: one value an epoch; one that is not finite becomes a blank.
        width: characters to use at most; a longer curve is thinned out, its last value kept.
    """
    shown = _thinned(values, width)
    finite = [value for value in shown if math.isfinite(value)]
    if not finite:
        return " " * len(shown)
    low, high = min(finite), max(finite)
    return "".join(_bar(value, low, high) for value in shown)


def _thinned(values: Sequence[float], width: int) -> list[float]:
    if len(values) <= width:
        return list(values)
    return [values[(index + 1) * len(values) // width - 1] for index in range(width)]


def _bar(value: float, low: float, high: float) -> str:
    if not math.isfinite(value):
        return " "
    if high == low:
        return BARS[3]
    # Halves before the difference: the range of two finite floats may be infinite.
    part = (value / 2 - low / 2) / (high / 2 - low / 2)
    return BARS[min(int(part * len(BARS)), len(BARS) - 1)]
