"""What trials are trained with: the code of the study's own modules, and library versions.

Values of trials trained with different code cannot be compared. What counts is what Python runs:
the syntax tree of each module, without comments, layout and docstrings.
"""

from __future__ import annotations

import ast
import hashlib
import platform
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from hpsearch.classes.components import importing_from
from hpsearch.classes.trust import OwnModules, walk_own
from hpsearch.studyfile.sections import texts_of

RECORDED = ("hpsearch", "torch", "pytorch-lightning", "torchvision", "optuna", "numpy")
_DOTTED = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)+")
_DIGITS = 16


@dataclass(frozen=True)
class Environment:
    """What trials are trained with.

    Attributes:
        modules: a hash of the syntax tree of each of the study's own modules, by dotted name.
        versions: of Python and of the libraries that training depends on, by name.
    """

    modules: Mapping[str, str]
    versions: Mapping[str, str]

    def to_data(self) -> dict[str, dict[str, str]]:
        """Returns it as plain data, for the database."""
        return asdict(self)

    def differences(self, earlier: Environment) -> tuple[str, ...]:
        """Returns a line for each difference from an earlier one; empty if there is none."""
        lines = [
            _module_words(name, self.modules.get(name), earlier.modules.get(name))
            for name in sorted({*self.modules, *earlier.modules})
        ]
        lines += [
            _version_words(name, self.versions.get(name), earlier.versions.get(name))
            for name in sorted({*self.versions, *earlier.versions})
        ]
        return tuple(filter(None, lines))


def find_environment(document: Mapping[str, Any], import_paths: Sequence[str]) -> Environment:
    """Returns what a study's trials would be trained with now; imports nothing.

    Args:
        document: the study file as data, expressions as text.
        import_paths: folders with the study's own classes.
    """
    with importing_from(import_paths):
        own = OwnModules()
        named = (text for _, text, _ in texts_of(document) if _DOTTED.fullmatch(text))
        modules = {name: _hash_of(file) for name, file in walk_own(named, own)}
    return Environment(dict(sorted(modules.items())), _versions())


def environment_from(data: Mapping[str, Any]) -> Environment:
    """Returns the environment that `to_data` described."""
    return Environment(dict(data["modules"]), dict(data["versions"]))


def _hash_of(file: Path) -> str:
    content = file.read_bytes()
    # Compiled modules, and text that Python cannot parse, are hashed byte by byte.
    with suppress(SyntaxError, ValueError, RecursionError):
        content = ast.unparse(_without_docstrings(ast.parse(content))).encode()
    return hashlib.sha256(content).hexdigest()[:_DIGITS]


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if ast.get_docstring(node, clean=False) is not None:
            node.body[:1] = [] if len(node.body) > 1 else [ast.Pass()]
    return tree


def _versions() -> dict[str, str]:
    """Returns the versions, without the suffix for the device that a library was built for."""
    versions = {"python": ".".join(platform.python_version_tuple()[:2])}
    for name in RECORDED:
        try:
            versions[name] = version(name).partition("+")[0]
        except PackageNotFoundError:
            continue
    return versions


def _module_words(name: str, now: str | None, then: str | None) -> str:
    if now == then:
        return ""
    if then is None:
        return f"the module {name} is new"
    return f"the module {name} is gone" if now is None else f"the module {name} has changed"


def _version_words(name: str, now: str | None, then: str | None) -> str:
    return "" if now == then else f"{name} is {now or 'not installed'}, and was {then or 'not'}"
