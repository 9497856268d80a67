"""A one-line curve, in characters that the terminal can show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.text import Text

from hpsearch.views.formatting import ASCII_BARS, BARS, sparkline


@final
class Curve:
    """Draws values as bars, scaled from the smallest to the largest.

    Args:
        values: one per epoch.
        width: characters to use at most.
    """

    def __init__(self, values: Sequence[float], width: int) -> None:
        self._values, self._width = values, width

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        bars = ASCII_BARS if options.ascii_only else BARS
        yield Text(sparkline(self._values, self._width, bars), no_wrap=True)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        length = min(len(self._values), self._width)
        return Measurement(length, length)
