"""What the check has to know of a class, and how an imported class tells it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hpsearch.classes.components import accepted_arguments, resolve, takes_anything
from hpsearch.classes.hints import HintChecker

TREES = ("pytorch_lightning", "lightning")
_HINTS = HintChecker()


@dataclass(frozen=True)
class ClassFacts:
    """What the check has to know of a class.

    Attributes:
        names: of the class and all it derives from.
        abstract: whether it cannot be built for methods that are missing.
        arguments: the arguments its constructor takes by name; True for the required ones.
        takes_anything: whether the constructor takes arguments of any name.
        tree: the package of Lightning it comes from, or "neither".
        misfit: takes an argument's name and a value; returns the type that the argument wants
            where the value is not one, None where it fits.
    """

    names: tuple[str, ...]
    abstract: bool
    arguments: Mapping[str, bool]
    takes_anything: bool
    tree: str
    misfit: Callable[[str, Any], str | None]


def imported(class_path: str) -> ClassFacts:
    """Returns the facts of a class, importing its module.

    Raises:
        ComponentError: the path leads to no class.
    """
    cls = resolve(class_path)
    accepted = accepted_arguments(cls)
    modules = [base.__module__.partition(".")[0] for base in cls.__mro__]
    return ClassFacts(
        names=tuple(base.__name__ for base in cls.__mro__),
        abstract=inspect.isabstract(cls),
        arguments={
            name: argument.default is inspect.Parameter.empty for name, argument in accepted.items()
        },
        takes_anything=takes_anything(cls),
        tree=next((module for module in modules if module in TREES), "neither"),
        misfit=lambda name, value: _HINTS.misfit(cls, accepted[name], value),
    )
