"""Finds a study's modules and what they import, without importing anything."""

from __future__ import annotations

import ast
import importlib.machinery
import importlib.util
import os
import site
import sys
import sysconfig
import traceback
from collections import deque
from collections.abc import Iterator
from functools import cache
from importlib.machinery import ModuleSpec
from itertools import islice
from pathlib import Path
from typing import Any

_MOST = 200_000
_OF_TRAINING = {
    *("hpsearch", "torch", "torchvision", "torchmetrics", "jsonargparse"),
    *("lightning", "pytorch_lightning", "lightning_fabric", *sys.stdlib_module_names),
}
# Python's path before a study's folders join it. PYTHONPATH and .pth files bring the packages of
# other installations with them: of a cluster's modules, or of another environment.
_PACKAGES = tuple(at for at in sys.path if Path(at).name in ("site-packages", "dist-packages"))


def find_files(name: str) -> tuple[Path, ...]:
    """Returns the files that importing a module would run; imports nothing.

    These are its packages' files, outermost first, and its own, as far as they are found.
    """
    if not all(part.isidentifier() for part in name.split(".")):
        return ()
    return tuple(file for _, file in find_modules(name))


def find_places(name: str) -> tuple[Path, ...]:
    """Returns where a top-level module is: its file, or the folders of a package without one."""
    try:
        spec = importlib.util.find_spec(name)
    except (ValueError, ImportError):
        return ()
    if spec is None:
        return ()
    return tuple(_file_of(spec)) or tuple(map(Path, spec.submodule_search_locations or ()))


def find_modules(path: str) -> Iterator[tuple[str, Path]]:
    """Yields the modules on the way along a dotted path, by dotted name, with their files."""
    names = path.split(".")
    try:
        for depth, spec in enumerate(_find(path), start=1):
            yield from ((".".join(names[:depth]), file) for file in _file_of(spec))
    except ValueError:  # a module made by hand, such as `__main__`
        return


def imported_names(name: str, file: Path) -> Iterator[str]:
    """Yields the dotted names that a module imports anywhere in its text, made absolute.

    Args:
        name: the module's dotted name.
        file: its file; one that is not Python text imports nothing that can be seen.
    """
    try:
        nodes = list(ast.walk(ast.parse(file.read_bytes())))
    except (SyntaxError, ValueError, RecursionError):
        return
    folder = name if file.stem == "__init__" else name.rpartition(".")[0]
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = folder.split(".")[: 1 - node.level or None] if node.level else []
            origin = ".".join(filter(None, [*start, node.module]))
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def walk_modules(folder: str) -> Iterator[tuple[str, Path]]:
    """Yields the modules that can be imported from a folder, by dotted name, with their files.

    Packages and folders within are walked too, the outer ones first: Python takes any folder for
    a package. The walk ends after `_MOST` entries, since a folder may hold a data set.
    """
    suffixes = tuple(importlib.machinery.all_suffixes())
    left, queue = _MOST, deque([("", folder)])
    while queue and left > 0:
        prefix, place = queue.popleft()
        entries = _entries(place, left)
        left -= len(entries)
        for entry in entries:
            name = entry.name.partition(".")[0]
            if not name.isidentifier() or name == "__pycache__":
                continue
            if entry.name.endswith(suffixes):
                module = prefix.rstrip(".") if name == "__init__" and prefix else prefix + name
                yield module, Path(entry.path)
            elif "." not in entry.name and entry.is_dir():
                queue.append((f"{prefix}{name}.", entry.path))


def _entries(folder: str, most: int) -> list[os.DirEntry[str]]:
    """Returns what is in a folder, in order; nothing of a virtual environment."""
    try:
        with os.scandir(folder) as entries:
            found = sorted(islice(entries, most), key=lambda entry: entry.name)
    except OSError:  # Python cannot import from a folder that cannot be listed
        return []
    return [] if any(entry.name == "pyvenv.cfg" for entry in found) else found


def _find(name: str) -> Iterator[ModuleSpec | None]:
    """Yields where each package on the way to a module is, and where the module is."""
    root, *parts = name.split(".")
    spec = importlib.util.find_spec(root)
    yield spec
    for part in parts:
        places = spec.submodule_search_locations if spec else None
        spec = importlib.machinery.PathFinder.find_spec(part, places) if places else None
        yield spec


def _file_of(spec: ModuleSpec | None) -> Iterator[Path]:
    if spec is not None and spec.has_location and spec.origin:
        yield Path(spec.origin)


def is_installed(file: Path) -> bool:
    """Returns whether a file belongs to Python, to its packages or to hpsearch."""
    return any(file.is_relative_to(folder) for folder in _installed())


def line_in_project(error: BaseException) -> str:
    """Returns where in the project's own code an exception arose: ` (net.py, line 3)`, or "".

    Of a project that is installed, its code is that of the first package but those of training.
    """
    frames = traceback.walk_tb(error.__traceback__)
    found = [(frame.f_globals, Path(frame.f_code.co_filename), line) for frame, line in frames]
    known = [(_package_of(names), file, line) for names, file, line in found if file.is_file()]
    own = [place for place in known if not is_installed(place[1])]
    called = [place for place in known if place[0] not in _OF_TRAINING]
    own = own or [place for place in called if place[0] == called[0][0]]
    return f" ({own[-1][1].name}, line {own[-1][2]})" if own else ""


def _package_of(names: dict[str, Any]) -> str:
    return str(names.get("__name__", "")).partition(".")[0]


@cache
def _installed() -> tuple[Path, ...]:
    """Returns the folders whose code runs in this Python anyway: its packages and hpsearch."""
    folders = [*site.getsitepackages(), site.getusersitepackages(), *_PACKAGES]
    folders += [sysconfig.get_path(name) for name in ("purelib", "platlib", "stdlib")]
    return (Path(__file__).parents[1], *(Path(folder) for folder in dict.fromkeys(folders)))
