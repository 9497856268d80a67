"""The limit on the memory that images take."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hpsearch.errors import DataError

GIGABYTE = 10**9


def fits(count: int, shape: Sequence[int], limit_gb: float) -> bool:
    """Returns whether this many uint8 images of a shape `(C, H, W)` stay within the limit."""
    return count * math.prod(shape) <= limit_gb * GIGABYTE


def require_memory(what: str, count: int, shape: Sequence[int], limit_gb: float) -> None:
    """Rejects images that would exceed the limit.

    Raises:
        DataError: they would; the message says how much they need.
    """
    if fits(count, shape, limit_gb):
        return
    needed = count * math.prod(shape) / GIGABYTE
    size = " x ".join(str(side) for side in shape)
    raise DataError(
        f"{what}: {count} images of {size} bytes need {needed:.3g} GB of memory, and "
        f"memory_limit_gb is {limit_gb:g}; raise memory_limit_gb, or give smaller images"
    )
