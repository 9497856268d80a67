"""Drawings for plotly.js, as plain data: traces, axes, and how much of a large study is drawn."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import quantiles
from typing import Any, TypeVar

from hpsearch.protocol.types import Direction
from hpsearch.studyfile.distributions import Choice, Distribution, IntRange
from hpsearch.views.formatting import cut_apart
from hpsearch.views.report.blocks import Figure

# Names of the style sheet's colours, which differ on white, on black and on paper.
BLUE, ORANGE, RED, GREEN, PURPLE, VIOLET, GREY = (
    *("--blue", "--orange", "--red", "--green", "--purple", "--violet", "--grey"),
)
STATE_COLORS = {
    "complete": BLUE,
    "pruned": ORANGE,
    "failed": RED,
    "running": GREEN,
    "paused": VIOLET,
    "waiting": PURPLE,
}

LONGEST_LABEL = 16  # of an option
# With this many points, a page of twenty drawings has a few MB and stays fast.
MOST_POINTS = 1200
_FENCE = 3.0
_MANY = 300
_MARGIN = 0.04
_EACH_EPOCH = 20
_EACH_NUMBER = 8  # up to here, plotly would mark halves too; from there on, a phone has no room
_MOST_TICKS = 8

Trace = dict[str, Any]
Vertex = tuple[Any, Any, str]
Item = TypeVar("Item")


def figure(
    title: str,
    traces: Sequence[Trace],
    *,
    x: Mapping[str, Any],
    y: Mapping[str, Any],
    note: str = "",
    wide: bool = False,
    **layout: Any,
) -> Figure:
    """Returns a drawing with these axes; it has a legend where two traces have names."""
    named = sum("name" in trace for trace in traces) > 1
    return Figure(
        title,
        tuple({"showlegend": "name" in trace, **trace} for trace in traces),
        {"xaxis": dict(x), "yaxis": dict(y), "showlegend": named, **layout},
        note,
        wide,
    )


def axis(title: str, *, log: bool = False, **more: Any) -> dict[str, Any]:
    """Returns an axis with its title."""
    return {"title": {"text": title}, **({"type": "log"} if log else {}), **more}


def parameter_axis(name: str, distribution: Distribution) -> dict[str, Any]:
    """Returns the axis of a parameter's values: with its scale, or its options."""
    if isinstance(distribution, Choice):
        options = [str(option) for option in distribution.options]
        # A long name would take the room of the drawing; the words of a point have all of it.
        labels = cut_apart(options, LONGEST_LABEL)
        ticks: dict[str, Any] = {}
        if labels != options:
            ticks = {"tickvals": options, "ticktext": labels}
        ticks["range"] = [-0.5, len(options) - 0.5]  # or plotly leaves out those without a point
        return axis(name, type="category", categoryorder="array", categoryarray=options, **ticks)
    low, high = distribution.bounds()
    if isinstance(distribution, IntRange) and not distribution.log and high - low <= _EACH_EPOCH:
        return axis(name, dtick=1, **_whole_range(low, high, log=False))
    return axis(name, log=distribution.log, **_whole_range(low, high, distribution.log))


def log_axis(title: str, values: Sequence[float]) -> dict[str, Any]:
    """Returns the log axis that shows these values, all above 0."""
    return axis(title, log=True, **_whole_range(min(values), max(values), True))


def whole_axis(title: str, most: int) -> dict[str, Any]:
    """Returns an axis of whole numbers up to the greatest one."""
    ticks: dict[str, Any] = {"dtick": 1} if most <= _EACH_NUMBER else {}
    return axis(title, **ticks)


def points(vertices: Sequence[Vertex], *, color: Any = BLUE, **more: Any) -> Trace:
    """Returns a cloud of points, each with the words that are shown under the pointer."""
    marker = {
        "color": color,
        "size": 7 if len(vertices) < _MANY else 4,
        "opacity": 0.85,
        **more.pop("marker", {}),
    }
    return {**_trace(vertices), "mode": "markers", "marker": marker, **more}


def lines(runs: Sequence[Sequence[Vertex]], *, color: str, width: float = 1, **more: Any) -> Trace:
    """Returns many lines as one trace, which is drawn a hundred times faster than several."""
    joined = [vertex for run in runs for vertex in (*run, (None, None, ""))][:-1]
    line = {"color": color, "width": width, **more.pop("line", {})}
    return {**_trace(joined), "mode": "lines", "line": line, "connectgaps": False, **more}


def heights(bars: Sequence[tuple[Any, float, str]], *, color: str, **more: Any) -> Trace:
    """Returns upright bars: place, height, words."""
    return {
        **_trace(bars),
        "type": "bar",
        "textposition": "none",
        "marker": {"color": color},
    } | more


def framed(
    values: Sequence[float], direction: Direction, others: Sequence[float] = ()
) -> dict[str, Any]:
    """Returns the range of an axis without the worst outliers, which would flatten all the rest.

    Only the bad side is cut, at three times the middle half's spread (Tukey's outer fence); `cut`
    tells the page to offer a button that shows everything.

    Args:
        values: those that decide the range.
        direction: which of them are good.
        others: more values that are drawn.
    """
    if len(values) < 4:
        return {}
    low, _, high = quantiles(values, n=4)
    fence = _FENCE * (high - low)
    values = [*values, *others]
    if direction == "maximize":
        smallest, largest = max(min(values), low - fence), max(values)
        cut = smallest > min(values)
    else:
        smallest, largest = min(values), min(max(values), high + fence)
        cut = largest < max(values)
    margin = 0.05 * (largest - smallest)
    if not cut or not margin:
        return {}
    return {"range": [smallest - margin, largest + margin], "cut": True}


def thinned(items: Sequence[Item], limit: int = MOST_POINTS) -> list[Item]:
    """Returns at most `limit` of the items, evenly spread, the first and the last among them."""
    if len(items) <= limit:
        return list(items)
    last = len(items) - 1
    return [items[round(place * last / (limit - 1))] for place in range(limit)]


def thinned_note(drawn: int, among: int, what: str = "trials") -> str:
    """Returns a sentence on how much is drawn; empty if everything is."""
    return f" {drawn:,} of {among:,} {what} are drawn, evenly chosen." if drawn < among else ""


def left_out_note(drawn: int, among: int) -> str:
    """Returns a sentence on how many parameters are drawn; empty if all are."""
    return f" The {drawn} most important of {among} parameters are drawn." if drawn < among else ""


def short(value: float) -> float:
    """Returns a number in the six digits a drawing can show."""
    return float(f"{value:.6g}")


def _whole_range(low: float, high: float, log: bool) -> dict[str, Any]:
    """Returns a range with a margin around it; plotly counts a log axis in powers of ten."""
    if low == high:
        return {"tickvals": log_ticks(low, high)} if log else {}
    first, last = (math.log10(low), math.log10(high)) if log else (low, high)
    margin = _MARGIN * (last - first)
    ticks = log_ticks(low, high) if log else []
    words = (
        {"tickvals": ticks, "ticktext": [f"{float(f'{tick:.3g}'):,g}" for tick in ticks]}
        if ticks
        else {}
    )
    return {"range": [first - margin, last + margin], **words}


def log_ticks(low: float, high: float) -> list[float]:
    """Returns a few round numbers from `low` to `high`, the rounder the further apart these are.

    >>> log_ticks(0.01, 0.25)
    [0.01, 0.02, 0.05, 0.1, 0.2]
    """
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found: list[float] = []
    for steps in ((1,), (1, 2, 5), range(1, 10), (1, 1.2, 1.5, *range(2, 10))):
        ticks = [float(f"{step}e{exponent}") for exponent in exponents for step in steps]
        ticks = [tick for tick in ticks if low * 0.999 <= tick <= high * 1.001]
        if not found or len(ticks) <= _MOST_TICKS:
            found = ticks
    return found if len(found) > 1 else [low, high]


def _trace(vertices: Sequence[Vertex]) -> Trace:
    x, y, text = zip(*vertices, strict=True) if vertices else ((), (), ())
    return {"type": "scatter", "x": x, "y": y, "text": text, "hoverinfo": "text"}
