"""Components: classes named by `class_path` and built with `init_args`."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from hpsearch.errors import InputError
from hpsearch.studyfile.diagnostics import did_you_mean
from hpsearch.studyfile.forbidden import forbidden_reason

# Their constructors take **kwargs only to pass them on; they have no arguments of their own.
_CLOSED = ("LightningModule", "LightningDataModule", "Module")


class ComponentError(InputError):
    """A class path does not lead to a class."""


def is_component(tree: Any) -> bool:
    """Tells whether the tree is a mapping with a `class_path`."""
    return isinstance(tree, Mapping) and "class_path" in tree


def resolve(class_path: str) -> type[Any]:
    """Returns the class that a dotted path names, importing its module.

    Raises:
        ComponentError: the path leads to no class; the message says what is wrong with it.
    """
    module_name, _, name = class_path.rpartition(".")
    if not all(part.isidentifier() for part in class_path.split(".")) or not module_name:
        raise ComponentError(f"{class_path!r} is no class path; write package.module.ClassName")
    if reason := forbidden_reason(class_path):
        raise ComponentError(reason)
    module = _import(module_name)
    try:
        found = getattr(module, name)
    except AttributeError:
        meant = did_you_mean(name, _classes_of(module))
        raise ComponentError(f"{module_name} has no class '{name}'{meant}") from None
    if not isinstance(found, type):
        raise ComponentError(f"{class_path} is a {type(found).__name__}, not a class")
    if reason := forbidden_reason(f"{found.__module__}.{found.__qualname__}"):
        raise ComponentError(f"{class_path}: {reason}")
    return found


def instantiate(tree: Any, **extra: Any) -> Any:
    """Builds every component of the tree, inner ones first, and returns the tree with them.

    Args:
        tree: a component, or lists and mappings with components anywhere inside; other values
            stay as they are.
        **extra: arguments for the outermost component, where its constructor takes them and
            `init_args` does not give them.

    Raises:
        ComponentError: a class path leads to no class.
    """
    if isinstance(tree, list):
        return [instantiate(item) for item in tree]
    if not isinstance(tree, Mapping):
        return tree
    if not is_component(tree):
        return {key: instantiate(value) for key, value in tree.items()}
    cls = resolve(tree["class_path"])
    given = instantiate(dict(tree.get("init_args") or {}))
    taken = accepted_arguments(cls)
    return cls(**{name: value for name, value in extra.items() if name in taken} | given)


def accepted_arguments(cls: type[Any]) -> dict[str, inspect.Parameter]:
    """Returns the arguments a class's constructor takes by name, those of its bases included.

    A base's arguments count where `**kwargs` hands them on.
    """
    return _signature(cls)[0]


def takes_anything(cls: type[Any]) -> bool:
    """Tells whether a class's constructor takes arguments of any name, or cannot be looked into."""
    return _signature(cls)[1]


def class_modules(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Returns the modules of the classes that a study file's sections name, each once."""
    sections = [section for name, section in document.items() if name != "study"]
    paths = [path for path in _class_paths(sections) if not path.startswith("~")]
    return tuple(dict.fromkeys(path.rpartition(".")[0] for path in paths if "." in path))


@contextmanager
def importing_from(folders: Sequence[str]) -> Iterator[None]:
    """Finds modules in these folders first, within the context."""
    before = list(sys.path)
    sys.path[:0] = folders
    try:
        yield
    finally:
        sys.path[:] = before


def is_installed(package: str) -> bool:
    """Tells whether a package can be imported, without importing it."""
    return importlib.util.find_spec(package) is not None


def _import(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and f"{name}.".startswith(f"{error.name}."):
            near = did_you_mean(error.name, sys.stdlib_module_names | set(sys.modules))
            meant = near if "did you mean" in near else ""
            hint = meant or "; install it, or put its file beside the study file"
            raise ComponentError(f"there is no module '{error.name}'{hint}") from None
        raise ComponentError(f"{name} needs the module '{error.name}', not installed") from error
    except Exception as error:  # whatever the user's module raises
        kind = type(error).__name__
        raise ComponentError(f"importing {name} raises {kind}: {error}") from error


def _classes_of(module: Any) -> list[str]:
    return [name for name, value in vars(module).items() if isinstance(value, type)] or [
        *getattr(module, "__all__", ())
    ]


def _signature(cls: type[Any]) -> tuple[dict[str, inspect.Parameter], bool]:
    arguments: dict[str, inspect.Parameter] = {}
    for base in cls.__mro__:
        if base.__name__ in _CLOSED:
            return arguments, False
        if base is object or "__init__" not in vars(base):
            continue
        try:
            own = list(inspect.signature(base.__init__).parameters.values())[1:]  # type: ignore[misc]
        except ValueError:
            return arguments, True
        named = [p for p in own if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
        arguments = {p.name: p for p in named} | arguments
        if not any(p.kind is p.VAR_KEYWORD for p in own):
            return arguments, False
    return arguments, True


def _class_paths(tree: Any) -> Iterator[str]:
    if is_component(tree):
        yield str(tree["class_path"])
    if isinstance(tree, Mapping | list):
        for child in tree.values() if isinstance(tree, Mapping) else tree:
            yield from _class_paths(child)
