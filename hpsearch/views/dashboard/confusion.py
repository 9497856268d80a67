"""The confusion matrix of a trial's best epoch, as a picture."""

from __future__ import annotations

import io
import json
from pathlib import Path

from matplotlib.figure import Figure

from hpsearch.protocol.regular_file import read_regular

CONFUSION = "confusion.json"
_MOST_CLASSES_WITH_NUMBERS = 20


def as_svg(folder: Path) -> bytes:
    """Returns a picture of the confusion matrix that a trial kept in its folder.

    Raises:
        OSError: there is none.
        ValueError: the file is not a confusion matrix.
    """
    kept = json.loads(read_regular(folder / CONFUSION))
    counts: list[list[int]] = kept["confusion"]
    names = kept["classes"]
    if len(names) != len(counts):
        names = [str(place) for place in range(len(counts))]
    return _draw(counts, [str(name) for name in names])


def _draw(counts: list[list[int]], names: list[str]) -> bytes:
    side = min(9.0, 2.2 + 0.36 * len(counts))
    figure = Figure(figsize=(side, side), layout="constrained")
    axes = figure.add_subplot()
    shares = [[count / max(1, sum(row)) for count in row] for row in counts]
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, interpolation="none")
    axes.set(title="best epoch, validation", xlabel="predicted", ylabel="true")
    if len(counts) <= _MOST_CLASSES_WITH_NUMBERS:
        # A name is not a formula.
        axes.set_xticks(range(len(names)), names, rotation=90, parse_math=False)
        axes.set_yticks(range(len(names)), names, parse_math=False)
        for y, row in enumerate(counts):
            for x, count in enumerate(row):
                colour = "white" if shares[y][x] > 0.5 else "black"
                axes.text(x, y, str(count or ""), color=colour, size=8, ha="center", va="center")
    picture = io.BytesIO()
    figure.savefig(picture, format="svg", metadata={"Date": None})
    return picture.getvalue()
