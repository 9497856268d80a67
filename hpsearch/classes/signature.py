"""What a class or a function takes by name, as jsonargparse reads it."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

# Their constructors take `**kwargs` only to hand them to one another; the last takes none.
_CLOSED = ("LightningModule", "LightningDataModule", "Module", "object")
_EMPTY = inspect.Parameter.empty


@dataclass(frozen=True)
class Signature:
    """What a class or a function takes by name.

    Attributes:
        hints: the type hint of each argument; `Any` where there is none.
        defaults: the default of each argument that has one.
        takes_anything: whether it takes arguments of other names as well.
    """

    hints: Mapping[str, Any]
    defaults: Mapping[str, Any]
    takes_anything: bool

    def takes(self, name: str) -> bool:
        """Tells whether an argument of this name may be given."""
        return name in self.hints or self.takes_anything


@cache
def signature_of(target: Callable[..., Any]) -> Signature:
    """Returns what a class's constructor, a function or a class method takes by name.

    Arguments of base classes and called functions count where `**kwargs` hands them on.
    """
    from jsonargparse._parameter_resolvers import get_signature_parameters

    found: list[Any] = []
    if inspect.isclass(target) or inspect.isfunction(target):
        found = get_signature_parameters(target)
    elif inspect.ismethod(target) and inspect.isclass(target.__self__):
        found = get_signature_parameters(target.__self__, target.__name__)
    named = [p for p in found if p.kind is not inspect.Parameter.POSITIONAL_ONLY]
    hints = {p.name: Any if p.annotation is _EMPTY else p.annotation for p in named}
    defaults = {p.name: p.default for p in named if p.default is not _EMPTY}
    return Signature(hints, defaults, _takes_anything(target))


def returned_type(target: Callable[..., Any]) -> Any:
    """Returns the class of what a call gives: the class, or what a function says it returns.

    None where a function does not say.
    """
    if inspect.isclass(target):
        return target
    try:
        hint = typing.get_type_hints(inspect.unwrap(target)).get("return")
    except Exception:  # a hint may name what is imported for type checkers only
        hint = None
    hint = typing.get_origin(hint) or hint
    owner = hint if inspect.isclass(hint) else getattr(target, "__self__", None)
    return owner if inspect.isclass(owner) else None


def _takes_anything(target: Callable[..., Any]) -> bool:
    if inspect.isclass(target):
        owner = next(base for base in target.__mro__ if "__init__" in vars(base))
        if owner.__name__ in _CLOSED:
            return False
    try:
        parameters = inspect.signature(target).parameters.values()
    except (ValueError, TypeError):  # written in C
        return True
    return any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
