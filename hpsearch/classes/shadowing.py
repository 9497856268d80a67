"""Files beside a study that hide modules of Python itself, such as `random.py`."""

from __future__ import annotations

import importlib.machinery
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from hpsearch.errors import InputError

# A folder of tests is common, and nothing imports Python's own.
_HARMLESS = {"test", "this", "antigravity"}


def refuse_hidden_modules(folders: Iterable[str]) -> None:
    """Refuses a study beside whose classes a module of Python is hidden.

    These folders are searched first, so numpy, torch and hpsearch would import the file instead
    of what they need, and fail in places that have nothing to do with it.

    Args:
        folders: in which the study's own classes are found.

    Raises:
        InputError: there is such a file; all are named.
    """
    found = [file for folder in dict.fromkeys(folders) for file in _hiding(Path(folder))]
    if not found:
        return
    lines = (
        f"{file} hides Python's own module {_name(file)}, which is imported in its place;"
        " rename it, and what imports it"
        for file in found
    )
    raise InputError("\n       ".join(lines))


def _hiding(folder: Path) -> Iterator[Path]:
    """Yields the files of a folder that are imported in place of a module of Python's library."""
    suffixes = tuple(importlib.machinery.all_suffixes())
    try:
        inside = sorted(folder.iterdir())
    except OSError:  # nothing is imported from there
        return
    for path in inside:
        if _name(path) not in sys.stdlib_module_names - _HARMLESS:
            continue
        if path.name.endswith(suffixes) and path.is_file():
            yield path
        # Without an __init__ it is a package only where no other module has its name.
        elif "." not in path.name and any((path / f"__init__{end}").is_file() for end in suffixes):
            yield path / "__init__.py"


def _name(file: Path) -> str:
    name = file.parent.name if file.stem == "__init__" else file.name
    return name.partition(".")[0]
