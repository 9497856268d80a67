"""A module's text, found and read without importing anything, and what its names stand for."""

from __future__ import annotations

import ast
import importlib.machinery
import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


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
                origin = self._origin(node)
                names = [alias for alias in node.names if name == (alias.asname or alias.name)]
                found += [f"{origin}.{alias.name}" for alias in names]
            elif not isinstance(node, ast.Delete) and name in _bound(node):
                raise UnclearError
        if len(set(found)) != 1:
            raise UnclearError
        return found[0]

    def _origin(self, node: ast.ImportFrom) -> str:
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
    root, *parts = name.split(".")
    if not root.isidentifier() or root in sys.stdlib_module_names:
        raise UnclearError
    spec = importlib.util.find_spec(root)
    for part in parts:
        places = spec.submodule_search_locations if spec else None
        spec = importlib.machinery.PathFinder.find_spec(part, places) if places else None
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        raise UnclearError
    body = ast.parse(Path(spec.origin).read_bytes()).body
    module = Module(name, spec.submodule_search_locations is not None, tuple(body))
    if not all(_is_there(wanted) for wanted in _imports(body)):
        raise UnclearError
    return module


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
