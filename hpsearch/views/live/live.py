"""The view of a running search in a terminal."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import final

from rich.cells import cell_len
from rich.console import Console
from rich.control import Control
from rich.live import Live
from rich.segment import ControlType, SegmentLines
from rich.text import Text

from hpsearch.search.store import StudyRecord
from hpsearch.views.live.redrawn import AbstractRedrawnView
from hpsearch.views.live.screen import screen
from hpsearch.views.ranking import opening_line

# Drawing takes about 10 ms of a core that trials train on.
_REDRAW_S = 0.25


@final
class LiveView(AbstractRedrawnView):
    """Shows a running search in place. An Observer.

    No thread draws it, since the coordinator forks; the coordinator calls `refresh`.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(clock)
        self._console = console
        self._live: Live | None = None
        self._drawn_width = 0
        self._drawn: list[int] = []
        self._noted = ""

    def opened(self, study: StudyRecord, slots: list[str]) -> None:
        """Prints the existing trials, and begins to draw."""
        super().opened(study, slots)
        self._console.print(Text(opening_line(study), style="bold"), soft_wrap=True)
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._live.start()

    def note(self, text: str) -> None:
        """Prints a line above the live part, which leaves room for it until the next one."""
        self._noted, self._drawn_s = text, float("-inf")
        self.refresh()
        self._console.print(Text(text, style="yellow"), soft_wrap=True)

    def refresh(self) -> None:
        """Redraws if the last drawing is a quarter of a second old."""
        now_s = self._clock()
        if self._live is None or self._state is None or now_s - self._drawn_s < _REDRAW_S:
            return
        self._drawn_s = now_s
        height = self._console.height - self._rows_above()
        drawing = screen(self._state, self._console, now_s, height)
        if self._console.width != self._drawn_width:
            self._erase()
        lines = self._console.render_lines(drawing, pad=False)
        self._drawn = [sum(segment.cell_length for segment in line) for line in lines]
        self._drawn_width = self._console.width
        self._live.update(SegmentLines(lines, new_lines=True), refresh=True)

    def _rows_above(self) -> int:
        """Returns how many rows the last note takes, at most half of the screen."""
        wide = max(self._console.width, 1)
        rows = sum(max(-(-cell_len(line) // wide), 1) for line in self._noted.splitlines())
        return max(1, min(rows, self._console.height // 2))

    def _erase(self) -> None:
        """Erases what the terminal re-wrapped when its width changed."""
        if self._drawn:
            width = max(self._console.width, 1)
            lines = sum(max(-(-length // width), 1) for length in self._drawn)
            erase, up = (ControlType.ERASE_IN_LINE, 2), (ControlType.CURSOR_UP, 1)
            above = [up, erase] * (lines - 1)
            # Rich moves up by as many lines as there were.
            down = (ControlType.CURSOR_DOWN, len(self._drawn) - 1)
            self._console.control(Control(ControlType.CARRIAGE_RETURN, erase, *above, down))

    def closed(self, study: StudyRecord) -> None:
        """Clears the live part; the command prints the final result."""
        self.stop()

    def stop(self) -> None:
        """Restores the terminal, also after an error."""
        if self._live is not None:
            self._live.stop()
            self._live = None
