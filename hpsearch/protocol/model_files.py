"""The formats of the files that `export` writes, by their suffixes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from hpsearch.errors import InputError

Format = Literal["onnx", "pt2", "state"]
SUFFIXES: Mapping[Format, str] = {"onnx": ".onnx", "pt2": ".pt2", "state": ".pt"}
# In a shape, a size that varies from batch to batch, such as the length of a text.
ANY = 0


def format_of(path: Path) -> Format | None:
    """Returns the format of a file by its name; None for an unknown suffix."""
    return next((name for name, suffix in SUFFIXES.items() if suffix == path.suffix), None)


def predictor_format(path: Path) -> Format:
    """Returns the format of a file to predict with.

    Raises:
        InputError: it is missing, or has a format that cannot be run.
    """
    kind = format_of(path)
    if kind is None:
        form = "hpsearch predict MODEL IMAGE"
        raise InputError(f"{path}: a model to predict with is an .onnx or a .pt2 file: {form}")
    if kind == "state":
        raise InputError(f"{path} holds weights without a network; export to .onnx or .pt2")
    if not path.is_file():
        chosen = "" if kind == "onnx" else f" --format {kind}"
        advice = f"`hpsearch export NAME{chosen} -o {path}` makes one"
        raise InputError(f"there is no model {path}; {advice}")
    return kind
