"""Private names of other libraries, as the code of hpsearch has them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version

# They begin with an underscore and are documented all the same.
DOCUMENTED = {"_exit", "_asdict", "_replace", "_fields"}
BY_NAME = {"getattr", "setattr", "hasattr", "delattr"}


@dataclass(frozen=True)
class Private:
    """A private name of a library.

    Attributes:
        name: as the code has it.
        use: what hpsearch needs it for; continues "hpsearch uses it ...".
        holds: returns whether it still does that.
    """

    name: str
    use: str
    holds: Callable[[], object]

    def check(self, library: str, file: str) -> None:
        """Fails with one sentence if the library's release has changed the name."""
        try:
            held, why = bool(self.holds()), "it does something else now"
        except Exception as error:
            held, why = False, f"{type(error).__name__}: {error}"
        assert held, (
            f"{library} {version(library)} has changed its private {self.name} ({why});"
            f" hpsearch uses it {self.use}: mend hpsearch/internals/{file}"
        )


def private_names(text: str) -> set[str]:
    """Returns the private names of other libraries in the text of a module."""
    tree = ast.parse(text)
    return set(_imported(tree)) | set(_attributes(tree))


def defined_names(text: str) -> set[str]:
    """Returns the names that the text of a module defines, its objects' attributes included."""
    return set(_defined(ast.parse(text)))


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__") and name not in {"_", *DOCUMENTED}


def _imported(tree: ast.Module) -> Iterator[str]:
    """Yields what is imported from another library and is private, or lies in what is."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module != "__future__":
            module = (node.module or "").split(".")
            for alias in node.names:
                if module[0] != "hpsearch" and any(map(_is_private, [*module, alias.name])):
                    yield alias.name
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
            yield from (name for name in names if any(map(_is_private, name.split("."))))


def _attributes(tree: ast.Module) -> Iterator[str]:
    """Yields the private attributes that nothing in the module defines."""
    own = set(_defined(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and _is_private(node.attr):
            if not _is_own(node) or node.attr not in own:
                yield node.attr
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in BY_NAME:
            values = [n.value for n in ast.walk(node.args[1]) if isinstance(n, ast.Constant)]
            yield from (name for name in values if isinstance(name, str) and _is_private(name))


def _defined(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield from [node.attr] if _is_own(node) else []


def _is_own(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
