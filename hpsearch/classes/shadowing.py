"""Files beside a study that hide modules of Python or of a library, such as `random.py`."""

from __future__ import annotations

import importlib.machinery
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from hpsearch.errors import InputError

# A folder of tests is common, and nothing imports Python's own `test`.
_SAFE = {"test", "this", "antigravity"}
# The libraries that training always imports.
_LIBRARIES = frozenset(
    (
        *("lightning", "lightning_fabric", "lightning_utilities", "numpy", "optuna", "packaging"),
        *("PIL", "pytorch_lightning", "scipy", "sqlalchemy", "tensorboard", "torch"),
        *("torchmetrics", "torchvision", "tqdm", "typing_extensions", "yaml"),
    )
)


def refuse_hidden_modules(folders: Iterable[str]) -> None:
    """Raises InputError if a file beside the study's classes hides a module of Python or a library.

    These folders are searched first, so numpy, torch and hpsearch would import the file instead
    of what they need, and fail in unrelated places.

    Args:
        folders: where the study's own classes are found.

    Raises:
        InputError: there is such a file; all are named.
    """
    found = [file for folder in dict.fromkeys(folders) for file in _hiding(Path(folder))]
    if not found:
        return
    lines = (
        f"{file} hides {_what(_name(file))}: it is imported in its place. Rename it, and what"
        " imports it"
        for file in found
    )
    raise InputError("\n       ".join(lines))


def _hiding(folder: Path) -> Iterator[Path]:
    """Yields the files of a folder that would be imported instead of a module of their name."""
    suffixes = tuple(importlib.machinery.all_suffixes())
    try:
        inside = sorted(folder.iterdir())
    except OSError:  # nothing is imported from there
        return
    for path in inside:
        if _name(path) not in (sys.stdlib_module_names | _LIBRARIES) - _SAFE:
            continue
        # Without an __init__ a folder is a package only where no other module has its name.
        inner = (path / f"__init__{end}" for end in suffixes) if "." not in path.name else ()
        files = [path] if path.name.endswith(suffixes) else inner
        yield from (file for file in files if file.is_file() and not _is_the_library(file))


def _is_the_library(file: Path) -> bool:
    """Returns whether a file is the library itself, in a source checkout."""
    module = sys.modules.get(_name(file)) if _name(file) in _LIBRARIES else None
    return module is not None and getattr(module, "__file__", None) == str(file)


def _what(name: str) -> str:
    return f"the library {name}" if name in _LIBRARIES else f"Python's own module {name}"


def _name(file: Path) -> str:
    name = file.parent.name if file.stem == "__init__" else file.name
    return name.partition(".")[0]
