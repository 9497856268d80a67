"""Whether a study's classes are right, as far as their source text shows: nothing is imported.

A file with faults of its text need not wait for torch to be told them. Only a plain yes counts:
every doubt, and every fault, is left to the check that imports the classes.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from hpsearch.classes.check import check_components
from hpsearch.classes.imported import TREES, ClassFacts
from hpsearch.classes.source import Module, UnclearError, read_module
from hpsearch.classes.static_types import fits
from hpsearch.studyfile.parse import ParsedStudy

# Classes whose text is not read, by package: what they take and lack is known.
_ENDS = {
    "LightningModule": TREES,
    "LightningDataModule": TREES,
    "Callback": TREES,
    "Module": ("torch",),
    "Optimizer": ("torch",),
    "LRScheduler": ("torch",),
    "ABC": ("abc",),
    "Generic": ("typing",),
}
_CLOSED = ("LightningModule", "LightningDataModule", "Module")
_WITHOUT_CONSTRUCTOR = ("Callback", "ABC", "Generic")
# Decorators that leave a constructor's arguments as they are.
_HARMLESS = ("final", "experimental_class", "_defaults_from_env_vars", "convert_positional_args")
_HOPS = 8


def passes_statically(parsed: ParsedStudy) -> bool:
    """Tells whether the text of a study's classes shows that the study uses them rightly."""
    try:
        return not check_components(parsed, look=cache(_facts))
    except (UnclearError, OSError, SyntaxError, ValueError, RecursionError):
        return False


@dataclass(frozen=True)
class _Class:
    module: Module
    node: ast.ClassDef

    def method(self, name: str) -> ast.FunctionDef | None:
        found = [node for node in self.node.body if getattr(node, "name", None) == name]
        if any(not isinstance(node, ast.FunctionDef) for node in found) or len(found) > 1:
            raise UnclearError
        return found[0] if found else None  # type: ignore[return-value]


def _facts(class_path: str) -> ClassFacts:
    lineage = list(_lineage(class_path, 0))
    names = tuple(name for name, _, _ in lineage)
    own = [name for name in names if name not in _WITHOUT_CONSTRUCTOR]
    if len(set(own)) < len(own):
        raise UnclearError
    arguments, takes_anything = _constructor(lineage)
    hints = {argument.arg: argument.annotation for argument, _ in arguments}

    def misfit(name: str, value: Any) -> None:
        if not fits(hints[name], value):
            raise UnclearError

    return ClassFacts(
        names=names,
        abstract=_is_abstract([cls for _, _, cls in lineage if cls]),
        arguments={argument.arg: required for argument, required in reversed(arguments)},
        takes_anything=takes_anything,
        tree=next((package for _, package, _ in lineage if package in TREES), "neither"),
        misfit=misfit,
    )


def _lineage(class_path: str, hops: int) -> Iterator[tuple[str, str, _Class | None]]:
    """Yields name, package and text of a class and of all it derives from, the nearest first."""
    package, _, name = class_path.partition(".")
    name = name.rpartition(".")[2] or package
    if class_path == "object":
        return
    if package in _ENDS.get(name, ()):
        yield name, package, None
        return
    cls = _find(class_path, hops)
    _require_plain(cls.node.decorator_list)
    if cls.node.keywords or cls.method("__new__"):
        raise UnclearError
    yield cls.node.name, package, cls
    for base in cls.node.bases:
        yield from _lineage(_dotted(cls.module, base), hops + 1)


def _dotted(module: Module, base: ast.expr) -> str:
    """Returns the path of a class from the words that name it in a module."""
    written = ast.unparse(base.value if isinstance(base, ast.Subscript) else base)
    if written == "object":
        return written
    first, *rest = written.split(".")
    target = module.target(first)
    start = target if isinstance(target, str) else f"{module.name}.{first}"
    return ".".join([start, *rest])


def _find(class_path: str, hops: int) -> _Class:
    module_name, _, name = class_path.rpartition(".")
    if hops > _HOPS or not module_name:
        raise UnclearError
    module = read_module(module_name)
    target = module.target(name)
    if isinstance(target, str):
        return _find(target, hops + 1)
    return _Class(module, target)


def _require_plain(decorators: list[ast.expr]) -> None:
    for decorator in decorators:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        if ast.unparse(called).rpartition(".")[2] not in _HARMLESS:
            raise UnclearError


def _constructor(
    lineage: list[tuple[str, str, _Class | None]],
) -> tuple[list[tuple[ast.arg, bool]], bool]:
    """Returns the arguments with whether each is required, and whether any others are taken."""
    arguments: list[tuple[ast.arg, bool]] = []
    for name, _, cls in lineage:
        if name in _CLOSED:
            return arguments, False
        if cls is None and name not in _WITHOUT_CONSTRUCTOR:
            raise UnclearError
        init = cls.method("__init__") if cls else None
        if init is None:
            continue
        _require_plain(init.decorator_list)
        arguments += _named(init.args)
        if init.args.kwarg is None:
            return arguments, False
    return arguments, True


def _named(signature: ast.arguments) -> list[tuple[ast.arg, bool]]:
    if signature.posonlyargs or not signature.args:
        raise UnclearError
    plain = signature.args
    required = len(plain) - len(signature.defaults)
    named = [(argument, index < required) for index, argument in enumerate(plain)][1:]
    by_name = zip(signature.kwonlyargs, signature.kw_defaults, strict=True)
    return named + [(argument, default is None) for argument, default in by_name]


def _is_abstract(classes: list[_Class]) -> bool:
    """Tells whether an abstract method has no body in a class nearer than where it is asked for."""
    done: set[str] = set()
    for cls in classes:
        methods = [node for node in cls.node.body if isinstance(node, ast.FunctionDef)]
        for node in methods:
            marks = {ast.unparse(mark).rpartition(".")[2] for mark in node.decorator_list}
            if "abstractmethod" in marks and node.name not in done:
                return True
        done |= {node.name for node in methods}
    return False
