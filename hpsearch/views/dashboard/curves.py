"""A trial's learning curves from its own file: as CSV, and as a picture."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from matplotlib.figure import Figure

from hpsearch.protocol.messages import Report
from hpsearch.protocol.metrics import split_apart

_COLOURS = {"train": "tab:orange", "val": "tab:blue", "": "tab:green"}
_OF_NO_CURVE = {"parameters", "seconds", "latency"}
_MOST_PANELS = 4


def last_words(reports: Iterable[Report]) -> list[Report]:
    """Returns the last report of each epoch, in order: a repeated epoch counts once."""
    latest = {report.step: report for report in reports}
    return [latest[step] for step in sorted(latest)]


def as_csv(reports: Sequence[Report]) -> bytes:
    """Returns a line for each epoch, with every metric that was logged.

    Names that a spreadsheet would run as a formula get an apostrophe in front.
    """
    names = list(dict.fromkeys(name for report in reports for name in report.metrics))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["epoch", *map(_printable, names)])
    for report in reports:
        writer.writerow([report.step, *(report.metrics.get(name, "") for name in names)])
    return text.getvalue().encode()


def as_svg(reports: Sequence[Report]) -> bytes:
    """Returns a picture with a panel for each metric, training and validation side by side."""
    panels = _panels(reports)
    figure = Figure(figsize=(4.2 * max(1, len(panels)), 2.8), layout="constrained")
    for place, (title, lines) in enumerate(panels.items(), start=1):
        axes = figure.add_subplot(1, len(panels), place)
        for name, colour in lines:
            points = [(r.step, r.metrics[name]) for r in reports if name in r.metrics]
            axes.plot(*zip(*points, strict=True), color=colour, marker=".", label=_plain(name))
        axes.set(title=_plain(title), xlabel="epoch")
        axes.locator_params(axis="x", integer=True, min_n_ticks=1)
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    picture = io.BytesIO()
    figure.savefig(picture, format="svg", metadata={"Date": None})
    return picture.getvalue()


def _panels(reports: Sequence[Report]) -> dict[str, list[tuple[str, str]]]:
    """Returns each panel's title with its metrics and their colours."""
    panels: dict[str, list[tuple[str, str]]] = {}
    for name in dict.fromkeys(name for report in reports for name in report.metrics):
        if name in _OF_NO_CURVE:
            continue
        split, title = split_apart(name)
        if title in panels or len(panels) < _MOST_PANELS:
            panels.setdefault(title, []).append((name, _COLOURS[split]))
    return panels


def _plain(name: str) -> str:
    """Escapes a name, so that matplotlib does not read it as a formula."""
    return name.replace("$", r"\$")


def _printable(cell: str) -> str:
    quoted = f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
    # Python does not quote it, but a spreadsheet starts a new line, and a new first cell, there.
    return quoted.replace("\r", " ")
