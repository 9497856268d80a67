"""Whether a value from a study file fits a constructor's type hint."""

from __future__ import annotations

import inspect
import json
import typing
from types import SimpleNamespace
from typing import Any

# What pydantic says of hints that plain data can never meet, such as a Tensor or a function.
_NOT_FOR_DATA = ("needs_python_object", "is_instance_of", "is_subclass_of", "callable_type")


class HintChecker:
    """Checks values against type hints, each hint prepared once."""

    def __init__(self) -> None:
        self._adapters: dict[tuple[type[Any], str], Any] = {}

    def misfit(self, cls: type[Any], argument: inspect.Parameter, value: Any) -> str | None:
        """Returns the type that an argument wants if the value is not one; None where it fits.

        A hint that cannot be read, or that plain data cannot meet, fits everything.
        """
        from pydantic import ValidationError

        key = (cls, argument.name)
        if key not in self._adapters:
            self._adapters[key] = _adapter(cls, argument)
        if self._adapters[key] is None:
            return None
        try:
            self._adapters[key].validate_json(json.dumps(value), strict=True)
        except ValidationError as error:
            if all(part["type"] in _NOT_FOR_DATA for part in error.errors()):
                return None
            return _spelled(argument.annotation)
        return None


def _adapter(cls: type[Any], argument: inspect.Parameter) -> Any:
    from pydantic import ConfigDict, TypeAdapter

    try:
        hint = _evaluated(cls, argument)
        if hint is inspect.Parameter.empty:
            return None
        return TypeAdapter(hint, config=ConfigDict(arbitrary_types_allowed=True))
    except Exception:
        # pydantic refuses a config for its own models and dataclasses, and hints may name
        # what is imported for type checkers only: such a hint is not checked.
        return None


def _evaluated(cls: type[Any], argument: inspect.Parameter) -> Any:
    if not isinstance(argument.annotation, str):
        return argument.annotation
    owner = next(
        base
        for base in cls.__mro__
        if "__init__" in vars(base) and argument.name in inspect.signature(base.__init__).parameters  # type: ignore[misc]
    )
    names = inspect.unwrap(owner.__init__).__globals__  # type: ignore[misc]
    annotated = SimpleNamespace(__annotations__={argument.name: argument.annotation})
    return typing.get_type_hints(annotated, globalns=names)[argument.name]


def _spelled(annotation: Any) -> str:
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return text.replace("typing.", "").replace("collections.abc.", "")
