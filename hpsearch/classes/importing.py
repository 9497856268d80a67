"""Modules of a study that train as soon as they are imported."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hpsearch.classes.components import importing_from
from hpsearch.classes.trust import OwnModules, walk_own
from hpsearch.errors import InputError
from hpsearch.studyfile.sections import texts_of

_TRAINS = ("fit", "validate", "test", "predict")
_NAMED = re.compile(rb"trainer|lightningcli", re.IGNORECASE)


def refuse_training_modules(tree: Any, folders: Sequence[str]) -> None:
    """Raises InputError if a module that a study imports would train before the search does.

    Imports nothing. Only what the text of a module shows is found: a Trainer's method or
    LightningCLI, called outside of functions and of `if __name__ == "__main__":`, or in a function
    that is called there.

    Args:
        tree: the study as data.
        folders: where its own classes are found.
    """
    named = (text for _, text, names_class in texts_of(tree) if names_class)
    with importing_from(folders):
        modules = list(walk_own(named, OwnModules()))
    lines = (
        f"{file}, line {call.lineno}: importing this file would train: {ast.unparse(call)}"
        for _, file in modules
        for call in _training_calls(file)
    )
    if found := "\n       ".join(lines):
        advice = 'put what only a script should do under `if __name__ == "__main__":`'
        raise InputError(f"{found}\n       hpsearch imports it for its classes; {advice}")


def _training_calls(file: Path) -> Iterator[ast.Call]:
    """Yields the calls by which a file trains when it is imported."""
    try:
        text = file.read_bytes()
        # Most files name neither: they need not be parsed.
        body = ast.parse(text).body if _NAMED.search(text) else []
    except (OSError, SyntaxError, ValueError, RecursionError):
        return  # compiled, or the import says what is wrong
    functions = {node.name: node for node in body if isinstance(node, ast.FunctionDef)}
    for node in _run(body):
        called = node.func.id if isinstance(node.func, ast.Name) else ""
        inner = _run(functions[called].body) if called in functions else ()
        if _trains(node) or any(map(_trains, inner)):
            yield node


def _run(body: Sequence[ast.AST]) -> Iterator[ast.Call]:
    """Yields the calls that running some lines makes, but not those that only a script makes."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            continue
        if isinstance(node, ast.If) and "__name__" in ast.unparse(node.test):
            yield from _run(node.orelse)
            continue
        if isinstance(node, ast.Call):
            yield node
        yield from _run([*ast.iter_child_nodes(node)])


def _trains(call: ast.Call) -> bool:
    """Returns whether a call is of a Trainer's method or of LightningCLI, by its words."""
    if _ends(call, "lightningcli"):
        return True
    method = call.func
    if not isinstance(method, ast.Attribute) or method.attr not in _TRAINS:
        return False
    return _ends(method.value, "trainer")


def _ends(node: ast.expr, name: str) -> bool:
    """Returns whether the last word of a name, or of what a call makes, ends so."""
    made = node.func if isinstance(node, ast.Call) else node
    return ast.unparse(made).lower().endswith(name)
