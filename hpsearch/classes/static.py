"""Whether a study's classes must be imported, according to their source text.

Errors in a file's text should not wait for torch. If the source shows that the classes take the
arguments they are given, nothing is imported; whether the values fit is left to the check that
imports them.
"""

from __future__ import annotations

import ast
from typing import Any

from hpsearch.classes.check import SUPPLIED
from hpsearch.classes.components import importing_from
from hpsearch.classes.source import find_files, imported_names
from hpsearch.studyfile.document import alternatives
from hpsearch.studyfile.parse import ParsedStudy


def passes_statically(parsed: ParsedStudy) -> bool:
    """Returns whether the source of a study's classes shows that they take their arguments."""
    tree = parsed.source.tree if isinstance(parsed.source.tree, dict) else {}
    trainer = {"class_path": "pytorch_lightning.Trainer", "init_args": tree.get("trainer")}
    sections = {name: tree[name] for name in tree if name != "study"} | {"trainer": trainer}
    try:
        with importing_from(parsed.import_paths):
            return not tree.get("cli") and all(
                _takes(section, SUPPLIED.get(name, ()))
                for name in sections
                for _, section in alternatives(sections[name], (name,))
            )
    except (LookupError, OSError, SyntaxError, ValueError, RecursionError):
        return False


def _takes(tree: Any, supplied: tuple[str, ...] = ()) -> bool:
    """Returns whether every class in a tree takes the arguments that the tree gives it."""
    if not isinstance(tree, dict | list):
        return True
    if "class_path" in tree and isinstance(tree, dict):
        given = tree.get("init_args")
        names = {*given} if isinstance(given, dict) else set()
        required, optional = _parameters(str(tree["class_path"]))
        known = {*names, *(tree.get("from_data") or ()), *supplied}
        if not required <= known or not names <= required | optional:
            return False
    return all(map(_takes, tree.values() if isinstance(tree, dict) else tree))


def _parameters(class_path: str) -> tuple[set[str], set[str]]:
    """Returns the required and the optional arguments of a class, from its text.

    Raises:
        LookupError, ValueError: the text alone does not tell.
    """
    module, _, name = class_path.rpartition(".")
    file = find_files(module)[-1]
    body = ast.parse(file.read_bytes()).body
    classes = {node.name: node for node in body if isinstance(node, ast.ClassDef)}
    if name not in classes:
        paths = {path for path in imported_names(module, file) if path.endswith(f".{name}")}
        (path,) = paths - {class_path}
        return _parameters(path)
    methods = [part for part in classes[name].body if isinstance(part, ast.FunctionDef)]
    for taken in (method.args for method in methods if method.name == "__init__"):
        plain, keywords = taken.args[1:], zip(taken.kwonlyargs, taken.kw_defaults, strict=True)
        required = {argument.arg for argument in plain[: len(plain) - len(taken.defaults)]}
        required |= {argument.arg for argument, default in keywords if default is None}
        return required, {argument.arg for argument in (*plain, *taken.kwonlyargs)} - required
    return set(), set()  # without arguments its base's will do
