"""A module's text, found and read without importing anything, and what its names stand for."""

from __future__ import annotations

import ast
import importlib.machinery
import importlib.util
import os
import sys
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from itertools import islice
from pathlib import Path

_MOST = 200_000


class UnclearError(Exception):
    """The text alone does not tell."""


@dataclass(frozen=True)
class Module:
    """A module: its dotted name, whether it is a package, and its statements."""

    name: str
    folder: bool
    body: tuple[ast.stmt, ...]

    def target(self, name: str) -> ast.ClassDef | str:
        """Returns the class that a name stands for here, or the dotted path it is imported from.

        Raises:
            UnclearError: the name is bound nowhere, twice, or by anything else.
        """
        found: list[ast.ClassDef | str] = []
        for node in self.body:
            if isinstance(node, ast.ClassDef) and node.name == name:
                found.append(node)
            elif isinstance(node, ast.Import):
                found += [alias.name for alias in node.names if alias.asname == name]
                dotted = any(alias.name.partition(".")[0] == name for alias in node.names)
                found += [name] * dotted
            elif isinstance(node, ast.ImportFrom):
                origin = self.origin(node)
                names = [alias for alias in node.names if name == (alias.asname or alias.name)]
                found += [f"{origin}.{alias.name}" for alias in names]
            elif not isinstance(node, ast.Delete) and name in _bound(node):
                raise UnclearError
        if len(set(found)) != 1:
            raise UnclearError
        return found[0]

    def origin(self, node: ast.ImportFrom) -> str:
        """Returns the absolute name of the module that names are imported from."""
        if not node.level:
            return node.module or ""
        parts = self.name.split(".")
        kept = parts[: len(parts) - node.level + self.folder]
        return ".".join([*kept, *([node.module] if node.module else [])])


def read_module(name: str) -> Module:
    """Returns the text of a module, found without importing what it lies in.

    Raises:
        UnclearError: it is not found, is not written in Python, or needs a package that is missing.
    """
    root = name.partition(".")[0]
    if not root.isidentifier() or root in sys.stdlib_module_names:
        raise UnclearError
    *_, spec = _find(name)
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        raise UnclearError
    body = ast.parse(Path(spec.origin).read_bytes()).body
    module = Module(name, spec.submodule_search_locations is not None, tuple(body))
    if not all(_is_there(wanted) for wanted in _imports(body)):
        raise UnclearError
    return module


def find_files(name: str) -> tuple[Path, ...]:
    """Returns the files that are run when a module is imported, which is not done here.

    These are its packages', the outermost first, and its own, as far as they are found.
    """
    if not all(part.isidentifier() for part in name.split(".")):
        return ()
    try:
        return tuple(file for spec in _find(name) for file in _file_of(spec))
    except ValueError:  # a module that was made by hand, as `__main__` is
        return ()


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
    except ValueError:  # a module that was made by hand, as `__main__` is
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
    module = Module(name, file.stem == "__init__", ())
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{module.origin(node)}.{alias.name}" for alias in node.names)


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
    except OSError:  # what cannot be listed is not a place that Python imports from
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


def _imports(body: list[ast.stmt]) -> Iterator[str]:
    """Yields the packages that a module needs whenever it is imported."""
    for node in body:
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module.partition(".")[0]


def _is_there(package: str) -> bool:
    return package in sys.stdlib_module_names or importlib.util.find_spec(package) is not None


def _bound(node: ast.AST) -> Iterator[str]:
    """Yields the names that a statement may bind in its module."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
        return
    if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
        return
    if isinstance(node, ast.alias):
        yield node.asname or node.name.partition(".")[0]
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    for child in ast.iter_child_nodes(node):
        yield from _bound(child)
