"""Draws docs/pictures/live.svg: the live view of a search that really runs, as a moving picture.

hpsearch init quickstart
python docs/pictures/make_live.py quickstart.yaml study.trials=5 trainer.limit_train_batches=30

Each line of the screen is drawn once for as long as it stays the same, so that a minute takes some
tens of kilobytes. It moves without scripts, and stands still where a person wants no motion.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

from rich.color import Color
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.terminal_theme import SVG_EXPORT_THEME

import hpsearch
from hpsearch.protocol.messages import Progress
from hpsearch.search.store import StudyRecord
from hpsearch.views.live.redrawn import AbstractRedrawnView
from hpsearch.views.live.screen import screen

PICTURE = Path(__file__).parent / "live.svg"
COLUMNS, ROWS = 108, 18
EVERY_S, LAST_S = 1.0, 4.0
# A picture moves faster than the search did.
SPEED = 4.0
CELL, LINE, MARGIN, TOP = 8.4, 19, 14, 34

Line = tuple[Segment, ...]


@dataclass(frozen=True)
class Frame:
    """The screen at a moment."""

    at_s: float
    lines: tuple[Line, ...]


class Recorded(AbstractRedrawnView):
    """A live view that is kept instead of being shown."""

    def __init__(self) -> None:
        super().__init__(time.monotonic)
        self._console = Console(width=COLUMNS, height=ROWS, force_terminal=True, record=True)
        self.frames: list[Frame] = []
        self.begun = 0

    def progressed(self, number: int, progress: Progress) -> None:
        """Notes the frame in which the first trial trains: before it, a picture would stand."""
        self.begun = self.begun or len(self.frames)
        super().progressed(number, progress)

    def note(self, text: str) -> None:
        """Leaves notes out."""

    def refresh(self) -> None:
        """Keeps the screen, once a second."""
        now_s = time.monotonic()
        if self._state is None or now_s - self._drawn_s < EVERY_S:
            return
        self._drawn_s = now_s
        drawn = self._console.render_lines(screen(self._state, self._console, now_s), pad=False)
        self.frames.append(Frame(now_s, tuple(tuple(line) for line in drawn)))

    def closed(self, study: StudyRecord) -> None:
        """Keeps the last screen, whenever it comes."""
        self._drawn_s = float("-inf")
        self.refresh()

    def stop(self) -> None:
        """Has nothing to give back."""


def stretches(frames: list[Frame], row: int) -> Iterator[tuple[Line, int, int]]:
    """Yields what stands in a row, with the frame in which it begins and the one it ends before."""
    begun, shown = 0, line_of(frames[0], row)
    for number, frame in enumerate(frames[1:], 1):
        if (line := line_of(frame, row)) != shown:
            yield shown, begun, number
            begun, shown = number, line
    yield shown, begun, len(frames)


def line_of(frame: Frame, row: int) -> Line:
    """Returns a row of a frame; empty below its last one."""
    return frame.lines[row] if row < len(frame.lines) else ()


def drawn(line: Line, row: int) -> str:
    """Returns a row as SVG text: a piece for each change of style, at its own column."""
    pieces, column = [], 0
    for segment in line:
        if segment.text.strip():
            x = MARGIN + column * CELL
            width = segment.cell_length * CELL
            pieces.append(
                f'<tspan x="{x:.1f}" textLength="{width:.1f}"{look(segment.style)}>'
                f"{escape(segment.text)}</tspan>"
            )
        column += segment.cell_length
    return f'<text y="{TOP + (row + 1) * LINE}">{"".join(pieces)}</text>'


def look(style: Style | None) -> str:
    """Returns the attributes of a style."""
    if style is None:
        return ""
    parts = [f' fill="{colour(style.color)}"'] if style.color else []
    parts += [' font-weight="bold"'] if style.bold else []
    parts += [' opacity="0.65"'] if style.dim else []
    return "".join(parts)


def colour(of: Color) -> str:
    """Returns a colour as the web writes it."""
    return of.get_truecolor(SVG_EXPORT_THEME).hex


def moving(frames: list[Frame]) -> str:
    """Returns the frames as one SVG that plays again and again."""
    first = frames[0].at_s
    starts = [(frame.at_s - first) / SPEED for frame in frames]
    whole = starts[-1] + LAST_S
    rows = max(len(frame.lines) for frame in frames)
    body, rules = [], {}
    for row in range(rows):
        for line, begin, end in stretches(frames, row):
            if not any(segment.text.strip() for segment in line):
                continue
            if (begin, end) == (0, len(frames)):
                body.append(drawn(line, row))
                continue
            name = f"f{begin}-{end}"
            since, until = starts[begin] / whole, (starts[end] / whole if end < len(frames) else 1)
            rules[name] = shown_between(name, since, until)
            last = " last" if end == len(frames) else ""
            body.append(f'<g class="f {name}{last}">{drawn(line, row)}</g>')
    return page(body, list(rules.values()), rows, whole)


def shown_between(name: str, since: float, until: float) -> str:
    """Returns the style of what is to be seen for a part of the time only."""
    a, b = f"{since:.3%}", f"{until:.3%}"
    before = f"0%,{a}{{visibility:hidden}}" if since else ""
    after = f"{b},100%{{visibility:hidden}}" if until < 1 else "100%{visibility:visible}"
    steps = f"{before}{a}{{visibility:visible}}{after}"
    return f"@keyframes {name}{{{steps}}}.{name}{{animation-name:{name}}}"


def page(body: list[str], rules: list[str], rows: int, whole_s: float) -> str:
    """Returns the picture: a window with the rows in it."""
    width, height = round(2 * MARGIN + COLUMNS * CELL), TOP + rows * LINE + MARGIN
    style = (
        "text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;"
        "fill:#c5c8c6;white-space:pre}"
        f".f{{visibility:hidden;animation-duration:{whole_s:.2f}s;"
        "animation-timing-function:step-end;animation-iteration-count:infinite}"
        + "".join(rules)
        + "@media (prefers-reduced-motion:reduce){.f{animation:none}.last{visibility:visible}}"
    )
    buttons = "".join(
        f'<circle cx="{MARGIN + 6 + 20 * i}" cy="17" r="6" fill="{fill}"/>'
        for i, fill in enumerate(("#ff5f57", "#febc2e", "#28c840"))
    )
    title = "A search while it runs: leaderboard, curves, a line for each trial, the budget"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}"'
        f' height="{height}" role="img" aria-label="{title}"><style>{style}</style>'
        f'<rect width="{width}" height="{height}" rx="8" fill="#1f2430"/>{buttons}'
        + "".join(body)
        + "</svg>\n"
    )


def main(file: str, *changes: str) -> None:
    """Runs a search, and writes its picture."""
    view = Recorded()
    hpsearch.read_study(file, *changes).run(devices="cpu:2", observer=view)
    frames = view.frames[max(view.begun - 2, 0) :]
    PICTURE.write_text(moving(frames), encoding="utf-8")
    print(f"drew {PICTURE}: {len(frames)} frames, {PICTURE.stat().st_size >> 10} kB")


if __name__ == "__main__":
    main(*sys.argv[1:])
