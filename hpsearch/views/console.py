"""What all screens share: the console, the form of tables, texts that cannot control a terminal.

Texts of a database or a trial are shown unchanged, except for terminal control characters.
"""

from __future__ import annotations

import os
import sys
from typing import final

from rich import box
from rich.console import (
    Console,
    ConsoleOptions,
    ConsoleRenderable,
    RenderableType,
    RenderHook,
    RenderResult,
)
from rich.segment import Segment
from rich.table import Table

_PIPE_WIDTH = 120
# Control characters: the C0 and C1 sets except newline, and DEL.
_ORDERS = {code: "\ufffd" for code in (*range(32), *range(127, 160)) if code != 10}


@final
class SanitizeHook(RenderHook):
    """Replaces each terminal control character with the replacement character."""

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        """Returns the same things to print, with their texts sanitized."""
        return [_Silenced(renderable) for renderable in renderables]


class _Silenced:
    def __init__(self, inner: RenderableType) -> None:
        self._inner = inner

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for segment in console.render(self._inner, options):
            if segment.control:
                yield segment
            else:
                yield Segment(segment.text.translate(_ORDERS), segment.style)


def open_console() -> Console:
    """Returns the console of stdout; a pipe, which has no width, gets 120 columns."""
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else _PIPE_WIDTH
    console = Console(width=width, highlight=False)
    console.push_render_hook(SanitizeHook())
    return console


def head_table(*, footer: bool = False) -> Table:
    """Returns an empty table with a line below its heads, as every command prints them."""
    return Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        show_edge=False,
        show_footer=footer,
    )
