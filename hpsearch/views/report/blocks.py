"""The blocks of a report's sections: plain data, which only the page turns into HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

_SPOKEN = 8  # series that a drawing is described by


@dataclass(frozen=True)
class Paragraph:
    """A paragraph; commands are between backticks."""

    kind: ClassVar = "words"
    text: str


@dataclass(frozen=True)
class Answers:
    """What a reader asks first, each question with its answer; commands are between backticks."""

    kind: ClassVar = "answers"
    rows: Mapping[str, str]


@dataclass(frozen=True)
class KeyValues:
    """A few figures, each with its name."""

    kind: ClassVar = "facts"
    rows: Mapping[str, str]


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        head: the columns' names.
        rows: one text per column.
        marked: numbers of the rows that stand out, from 0.
        left: names of the columns with text instead of numbers, aligned left.
    """

    kind: ClassVar = "table"
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    marked: Sequence[int] = ()
    left: Sequence[str] = ()


@dataclass(frozen=True)
class Figure:
    """A drawing of plotly.js. Its texts are plain: the page escapes what plotly would read as HTML.

    Attributes:
        title: what it shows, in a line.
        traces: plotly's `data`.
        layout: plotly's `layout`.
        note: how to read it; commands are between backticks.
        wide: whether it takes the page's whole width.
    """

    kind: ClassVar = "figure"
    title: str
    traces: Sequence[Mapping[str, Any]]
    layout: Mapping[str, Any]
    note: str = ""
    wide: bool = False

    @property
    def spoken(self) -> str:
        """The text for a screen reader: how many points each of its series has, and where."""
        series = [spoken for trace in self.traces[:_SPOKEN] if (spoken := _spoken(trace))]
        axes = [self.layout.get(f"{axis}axis", {}).get("title", {}).get("text") for axis in "xy"]
        against = f"{axes[1]} against {axes[0]}. " if all(axes) else ""
        return f"{against}{'; '.join(series)}"


def _spoken(trace: Mapping[str, Any]) -> str:
    x, y = ([value for value in trace.get(axis) or () if value is not None] for axis in "xy")
    if not x or len(x) != len(y):
        return ""
    name = f"{trace['name']}: " if "name" in trace else ""
    points = f"{len(x)} point{'s' * (len(x) > 1)}"
    return f"{name}{points}, {_span(x)} across, {_span(y)} up"


def _span(values: Sequence[Any]) -> str:
    numbers = [value for value in values if isinstance(value, int | float)]
    if len(numbers) < len(values):
        return f"{len({str(value) for value in values})} kinds"
    return f"{min(numbers):g} to {max(numbers):g}"


@dataclass(frozen=True)
class Picture:
    """A PNG and the words under it."""

    png: bytes
    caption: str


@dataclass(frozen=True)
class Pictures:
    """A row of small pictures, or a single large one."""

    kind: ClassVar = "pictures"
    title: str
    pictures: Sequence[Picture]


@dataclass(frozen=True)
class TrialCurves:
    """Training and validation curves of one trial, which the reader chooses.

    Attributes:
        options: the label of each trial, by number; the first one is chosen at first.
        curves: what the page draws: `unit`, the epochs' name; `kinds`, the drawings, each with the
            `name` and `color` of its series; `trials`, by number its `words`, `steps` and `curves`.
        note: how to choose.
    """

    kind: ClassVar = "trials"
    options: Mapping[int, str]
    curves: Mapping[str, Any]
    note: str


@dataclass(frozen=True)
class Code:
    """A text to be copied: commands, or a file. Folded up unless it is short."""

    kind: ClassVar = "code"
    title: str
    text: str
    folded: bool = False


Block = Paragraph | Answers | KeyValues | Table | Figure | TrialCurves | Pictures | Code


@dataclass(frozen=True)
class Section:
    """One part of the page under its own heading."""

    title: str
    parts: Sequence[Block]

    @property
    def anchor(self) -> str:
        """The heading as the end of a link."""
        return self.title.lower().replace(" ", "-")
