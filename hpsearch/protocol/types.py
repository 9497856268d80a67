"""The words that both wings share: values, directions, and the primary objective."""

from __future__ import annotations

from typing import Literal

Scalar = None | bool | int | float | str
Direction = Literal["maximize", "minimize"]
