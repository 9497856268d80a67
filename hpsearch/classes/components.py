"""Components: classes and factories named by `class_path` and built with `init_args`."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from inspect import isbuiltin
from pathlib import Path
from typing import Any

from hpsearch.classes.advice import advice_on
from hpsearch.classes.source import line_in_project
from hpsearch.errors import InputError
from hpsearch.studyfile.diagnostics import did_you_mean, nearest
from hpsearch.studyfile.document import is_within
from hpsearch.studyfile.forbidden import forbidden_reason
from hpsearch.studyfile.sections import texts_of


class ComponentError(InputError):
    """A class path does not lead to a class, or an argument of the class is wrong."""


class ForbiddenError(ComponentError):
    """A class path leads to something that no study file may name."""


class _AbsentError(ComponentError):
    """There is no module of this name."""


def is_component(tree: Any) -> bool:
    """Returns whether the tree is a mapping with a `class_path`."""
    return isinstance(tree, Mapping) and "class_path" in tree


def resolve(class_path: str) -> Any:
    """Returns the class, factory or class method that a dotted path names, importing its module.

    Raises:
        ComponentError: the path does not lead to one; the message says why.
    """
    names = class_path.split(".")
    if len(names) < 2 or not all(name.isidentifier() for name in names):
        raise ComponentError(f"{class_path!r} is not a class path; write package.module.ClassName")
    if reason := forbidden_reason(class_path):
        raise ForbiddenError(reason)
    found = _find(names)
    if not callable(found):
        raise ComponentError(f"{class_path} is a {type(found).__name__}, not a class")
    # A module may contain what it imported, so its origin counts.
    if reason := forbidden_reason(origin_of(found)):
        raise ForbiddenError(f"{class_path}: {reason}")
    return found


def origin_of(found: Any) -> str:
    """Returns the path of a class or function where it is defined; of an object, its class's."""
    while isinstance(found, partial):
        found = found.func
    found = found if hasattr(found, "__qualname__") else type(found)
    # A builtin function's qualified name is that of the hidden class that contains it.
    name = found.__name__ if isbuiltin(found) else found.__qualname__
    module = getattr(found, "__module__", None) or type(found).__module__
    return f"{module}.{name}"


def class_modules(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Returns the modules of the classes that a study file's sections name, each once."""
    sections = {name: section for name, section in document.items() if name != "study"}
    paths = [text for _, text, names_class in texts_of(sections) if names_class]
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
    """Returns whether a package can be imported, without importing it."""
    return importlib.util.find_spec(package) is not None


def _find(names: Sequence[str]) -> Any:
    """Returns what a dotted path names: a member of a module, or of a class in it."""
    found, depth = _import(names[0]), 1
    with suppress(_AbsentError):  # the rest of the names is a class of a module
        for end in range(2, len(names)):
            found, depth = _import(".".join(names[:end])), end
    for end, name in enumerate(names[depth:], start=depth):
        owner, found = found, getattr(found, name, None)
        if found is None:
            meant = did_you_mean(name, dir(owner))
            if names[0] == "__main__" and "did you" not in meant:
                meant = f"; a program wrote this: name its module instead, as in train.{names[1]}"
            what = "class" if name == names[-1] else "module"
            raise ComponentError(f"{'.'.join(names[:end])} has no {what} '{name}'{meant}")
    return found


def _import(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and is_within(name, error.name):
            raise _AbsentError(_absent(error.name)) from None
        needs = f"{name} needs the module '{error.name}', not installed"
        raise ComponentError(f"{needs}{advice_on(needs)}") from error
    except SystemExit as error:
        raise ComponentError(
            f"importing {name} exits Python (SystemExit: {error}), as when a module parses the"
            ' command line; put that under `if __name__ == "__main__":`'
        ) from error
    except Exception as error:  # whatever the user's module raises
        kind = type(error).__name__
        where = f"{line_in_project(error)}{_of_notebook(error)}{advice_on(str(error))}"
        raise ComponentError(f"importing {name} raises {kind}: {error}{where}") from error


def _of_notebook(error: Exception) -> str:
    """Returns the end of a message about code that only a notebook runs; empty for other code."""
    line = (error.text or "").strip() if isinstance(error, SyntaxError) else ""
    code = line if line.startswith(("%", "!")) else ""
    if isinstance(error, NameError) and error.name in ("get_ipython", "display"):
        code = error.name
    return f"; only a notebook understands `{code}`: remove such lines" if code else ""


def _absent(name: str) -> str:
    """Returns what to say of a module that is not there."""
    own = [at for at in sys.path if "site-packages" not in at and not Path(at, "os.py").exists()]
    if any(Path(at, "src", part).exists() for at in own for part in (name, f"{name}.py")):
        remedy = "install the project, as in pip install -e ., or set PYTHONPATH=src"
        return f"there is no module '{name}' outside of src/; {remedy}"
    beside = {module.name for module in pkgutil.iter_modules(own)} - {"setup", "conftest"}
    # Those in the study's folders come first, or `net` would be taken for a library's.
    known = {each for each in (*sys.stdlib_module_names, *sys.modules) if not each.startswith("_")}
    near = nearest(name, beside) or nearest(name, known, likeness=0.8)
    remedy = (
        f"did you mean '{near}'?" if near else "install it, or put its file next to the study file"
    )
    return f"there is no module '{name}'; {remedy}"
