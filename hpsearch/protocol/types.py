"""Types that both wings share: values, directions, and the primary objective."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Scalar = None | bool | int | float | str
Direction = Literal["maximize", "minimize"]
FINALISTS = 3  # as many of the best trials as a confirmation compares, unless it is given another


def primary(objectives: Mapping[str, Direction]) -> tuple[str, Direction]:
    """Returns the first objective and its direction: it ranks the trials and decides pruning."""
    return next(iter(objectives.items()))


def sign_of(direction: Direction) -> Literal[1, -1]:
    """Returns the factor that makes greater values better."""
    return 1 if direction == "maximize" else -1
