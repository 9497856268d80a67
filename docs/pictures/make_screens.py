"""Draws what `hpsearch run` shows in a terminal, at five widths and with three numbers of slots.

python docs/pictures/make_screens.py
"""

from __future__ import annotations

import re
import sys
from io import StringIO
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent.parent / "tests" / "stubs"))

from busy_search import NOW_S, busy_search  # noqa: E402

from hpsearch.views.live.screen import screen  # noqa: E402

WIDTHS = (60, 80, 100, 120, 200)
SLOTS = (2, 32, 1000)
HEIGHT = 30
# Whoever opens a picture asks nothing of any network: its letters are those of the machine.
FORMAT = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)


def draw() -> None:
    """Writes a picture for each width and number of slots."""
    for slots in SLOTS:
        state = busy_search(slots)
        for width in WIDTHS:
            console = Console(
                file=StringIO(), record=True, width=width, height=HEIGHT, force_terminal=True
            )
            console.print(screen(state, console, NOW_S))
            svg = HERE / "screens" / f"run-{width}-columns-{slots}-slots.svg"
            svg.parent.mkdir(exist_ok=True)
            console.save_svg(
                str(svg), title=f"{width} columns, {slots} slots", code_format=FORMAT, unique_id="s"
            )
            print(f"drew {svg}")


if __name__ == "__main__":
    draw()
