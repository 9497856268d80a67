"""The preview sheet: examples of the data and of each augmentation, as a PNG."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

_COLUMNS = 8
_CELL_IN = 0.95
_HEAD_IN = 0.45
_LABEL_PART = 0.5


def draw_sheet(sheet: Mapping[str, Any], target: Path | BinaryIO) -> None:
    """Draws the sheet and writes it as a PNG.

    Args:
        sheet: `digits`, a list of (image, label); `augmentations`, by name a list of (strength,
            images), from the smallest strength to the largest. Images are uint8 arrays `(H, W)` or
            `(H, W, 3)`.
        target: the file to write.
    """
    digits, augmentations = sheet["digits"], sheet["augmentations"]
    rows = math.ceil(len(digits) / _COLUMNS)
    heights = [rows * (_CELL_IN + 0.2) + _HEAD_IN]
    heights += [len(steps) * _CELL_IN + _HEAD_IN for steps in augmentations.values()]
    figure = Figure(figsize=(_COLUMNS * _CELL_IN + 1.2, sum(heights)), layout="constrained")
    parts = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    _draw_examples(parts[0], digits, rows)
    for part, (name, steps) in zip(parts[1:], augmentations.items(), strict=True):
        _draw_augmentation(part, name, steps)
    figure.savefig(target, format="png", dpi=100, facecolor="white")


def _draw_examples(part: SubFigure, digits: Sequence[tuple[Any, str]], rows: int) -> None:
    part.suptitle("examples and their labels", x=0.01, ha="left", fontsize=11, fontweight="bold")
    grid = part.subplots(rows, _COLUMNS, squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    for axes, (image, label) in zip(grid.flat, digits, strict=False):
        _draw_image(axes, image)
        axes.set_title(str(label), fontsize=9, pad=2)


def _draw_augmentation(
    part: SubFigure, name: str, steps: Sequence[tuple[float, Sequence[Any]]]
) -> None:
    part.suptitle(name, x=0.01, ha="left", fontsize=11, fontweight="bold")
    ratios = [_LABEL_PART, *(1 for _ in range(_COLUMNS))]
    grid = part.subplots(len(steps), _COLUMNS + 1, squeeze=False, width_ratios=ratios)
    for axes in grid.flat:
        axes.axis("off")
    for (label, *row), (strength, images) in zip(grid, steps, strict=True):
        label.text(1, 0.5, f"{strength:g}", ha="right", va="center")
        for axes, image in zip(row, images, strict=False):
            _draw_image(axes, image)


def _draw_image(axes: Axes, image: Any) -> None:
    axes.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
