"""Whether it pays to import a study's classes, as far as their source text shows.

A file with faults of its text need not wait for torch to be told them. Where the text shows that
the classes take the arguments they are given, nothing is imported for it; whether the values fit
is left to the check that imports them.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from hpsearch.classes.check import SUPPLIED
from hpsearch.classes.components import importing_from
from hpsearch.classes.source import find_files
from hpsearch.studyfile.document import alternatives
from hpsearch.studyfile.parse import ParsedStudy

# Packages whose classes take no arguments that a study could name.
_ENDS = ("LightningModule", "LightningDataModule", "Module", "Callback", "Optimizer", "LRScheduler")
_HOPS = 8


class _UnclearError(Exception):
    """The text alone does not tell."""


def passes_statically(parsed: ParsedStudy) -> bool:
    """Tells whether the text of a study's classes shows that they take what they are given."""
    tree = parsed.source.tree if isinstance(parsed.source.tree, dict) else {}
    if tree.get("cli"):
        return False
    sections = [
        (section, SUPPLIED.get(name, ()))
        for name in tree
        if name != "study"
        for _, section in alternatives(tree[name], (name,))
    ]
    if isinstance(trainer := tree.get("trainer"), dict):
        sections.append(({"class_path": "pytorch_lightning.Trainer", "init_args": trainer}, ()))
    try:
        with importing_from(parsed.import_paths):
            return all(_takes(section, supplied) for section, supplied in sections)
    except (_UnclearError, OSError, SyntaxError, ValueError, RecursionError):
        return False


def _takes(tree: Any, supplied: tuple[str, ...] = ()) -> bool:
    """Tells whether every class in a tree takes the arguments that it is given there."""
    if isinstance(tree, list):
        return all(map(_takes, tree))
    if not isinstance(tree, dict):
        return True
    given, derived = tree.get("init_args") or {}, tree.get("from_data") or {}
    if "class_path" in tree and isinstance(given, dict):
        required, optional = _parameters(str(tree["class_path"]), 0)
        if not required <= {*given, *derived, *supplied} or not {*given} <= required | optional:
            return False
    return all(map(_takes, tree.values()))


def _parameters(class_path: str, hops: int) -> tuple[set[str], set[str]]:
    """Returns the required and the optional arguments of a class, from its text and its bases'."""
    if class_path.rpartition(".")[2] in _ENDS:
        return set(), set()
    module, node = _find(class_path, hops)
    init = next((part for part in node.body if getattr(part, "name", "") == "__init__"), None)
    required, optional, ends = set(), set(), False
    if isinstance(init, ast.FunctionDef):
        plain, keywords = init.args.args[1:], init.args.kwonlyargs
        defaults = zip(keywords, init.args.kw_defaults, strict=True)
        required = {argument.arg for argument in plain[: len(plain) - len(init.args.defaults)]}
        required |= {argument.arg for argument, default in defaults if default is None}
        optional = {argument.arg for argument in (*plain, *keywords)} - required
        ends = init.args.kwarg is None
    bases = [base for base in map(ast.unparse, node.bases) if base not in ("ABC", "object")]
    if ends:
        return required, optional
    if len(bases) != 1 or any(getattr(part, "name", "") == "__new__" for part in node.body):
        raise _UnclearError
    needed, more = _parameters(_path_of(bases[0].partition("[")[0], *module), hops + 1)
    return required | needed - optional, optional | more


def _find(class_path: str, hops: int) -> tuple[tuple[str, ast.Module], ast.ClassDef]:
    """Returns the module that a class is written in, following imports, and its text there."""
    module_name, _, name = class_path.rpartition(".")
    files = find_files(module_name)
    if hops > _HOPS or not files or files[-1].suffix != ".py":
        raise _UnclearError
    tree = ast.parse(files[-1].read_bytes())
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == name and not node.keywords:
            return (module_name, tree), node
    return _find(_path_of(name, module_name, tree), hops + 1)


def _path_of(written: str, module_name: str, tree: ast.Module) -> str:
    """Returns the dotted path of what a name stands for in a module."""
    first, _, rest = written.partition(".")
    if any(isinstance(node, ast.ClassDef) and node.name == first for node in tree.body):
        return f"{module_name}.{written}"
    for origin, alias in _imports(tree):
        if first == (alias.asname or alias.name.partition(".")[0]):
            target = f"{origin}.{alias.name}" if origin else alias.name if alias.asname else first
            return f"{target}.{rest}" if rest else target
    raise _UnclearError


def _imports(tree: ast.Module) -> Iterator[tuple[str, ast.alias]]:
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from (("", alias) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from ((node.module or "", alias) for alias in node.names)
