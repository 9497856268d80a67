"""A CSV file of pixels, one image per row, such as Kaggle's digits and many copies of MNIST."""

from __future__ import annotations

import math
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
import numpy.typing as npt
import torch

from hpsearch.data.images import Images
from hpsearch.data.sources.labels import checked_labels
from hpsearch.data.sources.layout import part_of, visible_folders
from hpsearch.data.sources.memory import require_memory
from hpsearch.data.sources.request import Request, Split
from hpsearch.errors import DataError

_LABEL_NAMES = ("label", "labels", "class", "target", "digit", "y")


@final
@dataclass(frozen=True)
class _Columns:
    """The lines above the first row, the cells per row, the label's column, the image's side."""

    header: int
    count: int
    label: int
    side: int


def is_pixel_csv(source: str) -> bool:
    """Returns whether a source is a CSV file, or a folder with one to train on."""
    path = Path(source).expanduser()
    if path.is_dir() and not visible_folders(path):
        return bool(_files(path, "train"))
    return path.suffix.lower() == ".csv"


def load_pixel_csv(split: Split, request: Request) -> Images:
    """Loads a file of rows `label, pixel, pixel, ...`, with or without a line of names above them.

    Raises:
        DataError: the file of the split is missing or is not such a file.
    """
    path = _file(Path(request.source).expanduser(), split)
    columns = _columns(path)
    table = _read(path, columns)
    require_memory(str(path), len(table), (1, columns.side, columns.side), request.memory_limit_gb)
    labels, names = _labels(path, table[:, columns.label], columns)
    pixels = np.delete(table, columns.label, axis=1)
    images = _bytes(path, pixels).reshape(-1, 1, columns.side, columns.side)
    checked, classes = checked_labels(labels, str(path), names)
    return Images(torch.from_numpy(images), checked, classes)


def _files(folder: Path, split: str) -> list[Path]:
    return [path for path in sorted(folder.glob("*.csv")) if part_of(path.stem) == split]


def _file(source: Path, split: Split) -> Path:
    """Returns the file of a split: the source itself, or the file beside it named after it."""
    if source.suffix.lower() == ".csv" and split == "train":
        if not source.is_file():
            raise DataError(f"source={str(source)!r}: there is no such file (from {Path.cwd()})")
        return source
    folder = source if source.is_dir() else source.parent
    found = _files(folder, split)
    if source.suffix.lower() == ".csv":
        # digits_train.csv goes with digits_test.csv, whatever else is in its folder.
        renamed = re.sub("train(ing)?", lambda m: "test" + (m[1] or ""), source.name)
        found = [path for path in found if path.name == renamed] or found
    if len(found) == 1:
        return found[0]
    names = " and ".join(path.name for path in found)
    raise DataError(
        f"{folder}: {names} could each be the {split} split; name one of them as the source"
        if found
        else f"{folder}: there is no CSV file of the {split} split, such as {split}.csv"
    )


def _columns(path: Path) -> _Columns:
    with path.open(encoding="utf-8-sig", errors="replace") as lines:
        first = [cell.strip().strip('"') for cell in lines.readline().split(",")]
    named = not all(_is_number(cell) for cell in first)
    words = [cell.lower() for cell in first] if named else []
    found = [words.index(name) for name in _LABEL_NAMES if name in words]
    if named and not found:
        raise DataError(
            f"{path}: has no column named label, and so nothing to learn from or to measure by"
            " (the test file of a competition has none); its columns are"
            f" {', '.join(first[:3])}, ..."
        )
    side = math.isqrt(len(first) - 1)
    if side < 1 or side * side != len(first) - 1:
        raise DataError(
            f"{path}: {len(first) - 1} pixels a row are not a square grey image; a CSV source has"
            " a label and height x height grey pixels a row"
        )
    return _Columns(int(named), len(first), found[0] if found else 0, side)


def _read(path: Path, columns: _Columns) -> npt.NDArray[Any]:
    """Returns the whole table as numbers; a label that is a word becomes NaN."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there is no row, which is an error below
        try:
            table = np.loadtxt(
                path,
                np.float32,
                delimiter=",",
                skiprows=columns.header,
                ndmin=2,
                converters={columns.label: _number_or_nan},
                encoding="utf-8-sig",
                quotechar='"',
            )
        except ValueError as error:
            raise DataError(f"{path}: {error} (rows are counted below the header)") from error
    if not len(table):
        raise DataError(f"{path}: holds no rows")
    if table.shape[1] != columns.count:
        raise DataError(
            f"{path}: its first line has {columns.count} cells, its rows have {table.shape[1]}"
        )
    return table


def _labels(
    path: Path, numbers: npt.NDArray[Any], columns: _Columns
) -> tuple[npt.NDArray[Any], tuple[str, ...]]:
    """Returns the labels as whole numbers; words are numbered in order and become the names."""
    if not np.isnan(numbers).any():
        if (numbers != np.rint(numbers)).any():
            raise DataError(f"{path}: a label is {numbers[numbers != np.rint(numbers)][0]:g}")
        return numbers.astype(np.int64), ()
    words = np.loadtxt(
        path,
        str,
        delimiter=",",
        skiprows=columns.header,
        usecols=columns.label,
        ndmin=1,
        encoding="utf-8-sig",
        quotechar='"',
    )
    if (words == "").any():
        row = int(np.flatnonzero(words == "")[0])
        raise DataError(f"{path}: row {row} has no label")
    names, labels = np.unique(words, return_inverse=True)
    return labels, tuple(names.tolist())


def _bytes(path: Path, pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Returns pixels as bytes: from 0 to 255, or from 0 to 1 if any is a fraction."""
    low, high = float(pixels.min()), float(pixels.max())
    # Written so that a NaN is rejected, too.
    if not (low >= 0 and high <= 255):
        raise DataError(f"{path}: its pixels go from {low:g} to {high:g}; expected is 0 to 255")
    fractions = high <= 1 and bool((pixels != np.rint(pixels)).any())
    rounded: npt.NDArray[Any] = np.rint(pixels * 255 if fractions else pixels)
    return rounded.astype(np.uint8)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _number_or_nan(cell: str) -> float:
    return float(cell) if _is_number(cell) else math.nan
