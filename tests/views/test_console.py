"""Control characters for a terminal are shown, not obeyed."""

from __future__ import annotations

import io

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from hpsearch.views.console import SanitizeHook

EVIL = "a\x1b[2J\x1b]0;title\x07\x9b2Jb"


def screen() -> tuple[Console, io.StringIO]:
    stream = io.StringIO()
    console = Console(
        file=stream, width=60, force_terminal=True, color_system="standard", highlight=False
    )
    console.push_render_hook(SanitizeHook())
    return console, stream


def test_a_text_cannot_steer_the_terminal() -> None:
    console, stream = screen()
    table = Table("head")
    table.add_row(Text(EVIL, style="red"))
    console.print(table, EVIL, sep="\n", markup=False)
    shown = stream.getvalue()
    assert not [evil for evil in ("\x1b[2J", "\x1b]", "\x07", "\x9b") if evil in shown]
    assert shown.count("\ufffd[2J") == shown.count("title") == 2
    assert "\x1b[31m" in shown  # what hpsearch itself colours stays coloured


def test_a_live_table_still_moves_the_cursor() -> None:
    console, stream = screen()
    with Live("one", console=console, auto_refresh=False) as live:
        live.update("two", refresh=True)
    assert "\x1b[1A" in stream.getvalue() or "\x1b[2K" in stream.getvalue()
