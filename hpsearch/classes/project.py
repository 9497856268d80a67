"""The classes of a project for a study: its LightningModules and their data modules."""

from __future__ import annotations

import inspect
import os
import re
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from hpsearch.classes.components import ComponentError, origin_of, resolve
from hpsearch.classes.signature import has_base, returned_type
from hpsearch.classes.source import find_modules, find_places

_OURS = "hpsearch.models"
_IMAGES = "hpsearch.data.ImageData"
_DATA_MODULE = re.compile(r"^class (\w+)\([^)]*\bLightningDataModule\b", re.MULTILINE)
_FEW, _DEEPEST = 3, 5
_MODULE, _DATA = "LightningModule", "LightningDataModule"


def model_in(class_path: str) -> str:
    """Returns the class path of a model; the path of a module with a single model is enough.

    Raises:
        ComponentError: the path leads to no class, or to a module with none or several models.
    """
    try:
        if "." in class_path:
            resolve(class_path)
            return class_path
    except ComponentError:
        modules = {name for name, _ in find_modules(class_path)}
        if class_path not in {*sys.modules, *modules}:
            raise
    if "." not in class_path and not find_places(class_path):
        if owner := _module_with(class_path):
            raise ComponentError(f"there is no module '{class_path}'; write {owner}.{class_path}")
        raise ComponentError(
            f"there is no example and no module '{class_path}'; `hpsearch init` lists the examples,"
            " `hpsearch init MODULE.Class` takes a model of yours"
        )
    models = list(_classes_in(class_path, _MODULE))
    if len(models) == 1:
        return models[0]
    if not models:
        raise ComponentError(f"{class_path} has no LightningModule; write MODULE.Class")
    raise ComponentError(f"{class_path} has several models; name one: {', '.join(models)}")


def data_beside(model: str) -> str | None:
    """Returns the class path of the data module beside a model; None if it loads its own data.

    The one that the model's module imports is beside it, too.

    Raises:
        ComponentError: there is none, or there are several.
    """
    target = resolve(model)
    if target.__module__.startswith(f"{_OURS}."):
        return _IMAGES
    found = list(_classes_in(target.__module__, _DATA))
    if len(found) == 1:
        return found[0]
    if _defines(target, "train_dataloader"):
        return None
    found = found or list(_imported_data(target.__module__))
    if len(found) == 1:
        return found[0]
    if found:
        raise ComponentError(
            f"{target.__module__} has several data modules; name one with --data:"
            f" {', '.join(found)}"
        )
    elsewhere = list(islice(_data_modules_here(), _FEW))
    meant = " or ".join(f"--data {path}" for path in elsewhere)
    raise ComponentError(
        f"there is no LightningDataModule beside {model}; name it:"
        f" {meant or '--data MODULE.Class'} ({_IMAGES} for labelled images); of data sets that a"
        " script makes, LightningDataModule.from_datasets makes one, in a function of yours"
    )


def wants_optimizer(model: str) -> bool:
    """Returns whether a study should name an optimizer: it has none, or ours."""
    target = resolve(model)
    return not _defines(target, "configure_optimizers") or target.__module__.startswith(f"{_OURS}.")


def _defines(target: Any, hook: str) -> bool:
    """Returns whether a class, or what a function returns, has a method that is not Lightning's."""
    returned = returned_type(target)
    return any(hook in vars(base) for base in own_bases(returned) if base.__name__ != _MODULE)


def _classes_in(module: str, base: str) -> Iterator[str]:
    """Yields the classes of a kind that a module defines, in its order."""
    if module not in sys.modules:
        with_class = f"{module}.{base}"
        try:
            resolve(with_class)
        except ComponentError:
            if module not in sys.modules:
                raise
    for name, value in vars(sys.modules[module]).items():
        if not inspect.isclass(value) or value.__module__ != module:
            continue
        if has_base(value, base) and not inspect.isabstract(value):
            yield f"{module}.{name}"


def _imported_data(module: str) -> Iterator[str]:
    """Yields the data modules that a module has imported, in its order."""
    for value in vars(sys.modules[module]).values():
        if inspect.isclass(value) and has_base(value, _DATA) and not is_of_lightning(value):
            yield origin_of(value)


def _module_with(name: str) -> str | None:
    """Returns the module of this folder that defines a class of a name; None without one."""
    head = re.compile(rf"^class {re.escape(name)}\b", re.MULTILINE)
    for file in sorted(Path().glob("*.py")):
        if head.search(file.read_text(encoding="utf-8", errors="replace")):
            return file.stem
    return None


def _data_modules_here() -> Iterator[str]:
    """Yields the data modules of this folder and of its packages, by what their files say."""
    for place, folders, files in os.walk("."):
        parts = Path(place).parts
        deeper = len(parts) + 1 < _DEEPEST
        folders[:] = sorted(name for name in folders if deeper and name.isidentifier())
        for file in sorted(name for name in files if name.endswith(".py")):
            text = Path(place, file).read_text(encoding="utf-8", errors="replace")
            for name in _DATA_MODULE.findall(text):
                yield ".".join((*parts, file.removesuffix(".py"), name))


def text_of(owner: type) -> str:
    """Returns the source of a class; empty if it is not there."""
    try:
        return inspect.getsource(owner)
    except (OSError, TypeError):
        return ""


def own_bases(kind: Any) -> list[type]:
    """Returns a class and its base classes, without Lightning's; none for what is not a class."""
    return [base for base in getattr(kind, "__mro__", ()) if not is_of_lightning(base)]


def is_of_lightning(base: type) -> bool:
    """Returns whether a class is one of Lightning's own."""
    return base.__module__.partition(".")[0] in ("pytorch_lightning", "lightning")
