"""Checks one value against a type hint with jsonargparse, and builds it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from copy import deepcopy
from enum import EnumMeta
from functools import cache, partial
from typing import Any

from hpsearch.classes.buildable import why_not_buildable
from hpsearch.classes.components import ComponentError, resolve
from hpsearch.classes.signature import is_callable, options_of, parts_of, spelled
from hpsearch.classes.trust import OwnModules
from hpsearch.studyfile.forbidden import forbidden_reason
from hpsearch.studyfile.sections import texts_of
from hpsearch.studyfile.slips import search_from_mapping

Build = Callable[[], Any]


def _dtype(kind: type, text: str) -> Any:
    found = getattr(sys.modules["torch"], text.removeprefix("torch."), None)
    if not isinstance(found, kind):
        raise TypeError(f"{text} is not a number type")
    return found


# Types of torch that are written as text.
_READ_AS: Mapping[str, Callable[[type, str], Any]] = {
    "dtype": _dtype,
    "device": lambda kind, text: kind(text),
}


class MismatchError(ValueError):
    """A value does not fit the type of its argument."""


def read_value(hint: Any, value: Any) -> Build:
    """Returns what builds a value from plain data: a number, a Path, an Enum, a dataclass.

    Raises:
        MismatchError: the data do not fit the hint; the message says what would.
    """
    options = options_of(hint)
    parser = None if Any in options or object in options else _parser(hint)
    # A number that fits as it is stays what it is. To typing, and so to a cache, `int | float` and
    # `float | int` are one hint, and one validation batch is not 1.0, all of them.
    if parser is None or (type(value) in (bool, int, float) and type(value) in options):
        return lambda: deepcopy(value)
    parts = [*parts_of(hint)]
    if any(map(is_callable, parts)):  # then a text is the path of a function
        for reason in filter(
            None, (_why_forbidden(text, hint) for _, text, _ in texts_of([value]))
        ):
            raise MismatchError(reason)
    enums = [part for part in parts if isinstance(part, EnumMeta)]
    for data in (value, _by_name(value, enums)):
        if data is None and type(None) not in options:
            continue
        try:
            config = parser.parse_object({"value": deepcopy(data)})
        except (Exception, SystemExit):
            continue
        build = getattr(parser, "instantiate", None) or parser.instantiate_classes
        return lambda: build(config)["value"]
    members = " or ".join(name for enum in enums for name in enum.__members__)
    line = search_from_mapping(value)
    search = f"; to search it, write {line}" if line else ""
    raise MismatchError(f"must be {members or spelled(hint)}, not {value!r}{search}")


@cache
def _parser(hint: Any) -> Any:
    """Returns a parser with one argument of this type; None for a type that data never have."""
    from jsonargparse import ArgumentParser
    from jsonargparse.typing import register_type

    for part in parts_of(hint):
        if getattr(part, "__module__", "") == "torch" and part.__name__ in _READ_AS:
            with suppress(ValueError):  # it is registered already
                register_type(part, str, partial(_READ_AS[part.__name__], part))
    parser = ArgumentParser(exit_on_error=False)
    try:
        parser.add_argument("--value", type=hint)
    except Exception:
        return None
    return parser


def _why_forbidden(text: str, hint: Any) -> str | None:
    """Returns why a study file may not name this, where a text may be the path of a function."""
    if (reason := forbidden_reason(text)) or "." not in text:
        return reason
    try:
        found = resolve(text)
    except ComponentError:
        return None  # not a path: the type decides whether the text fits
    return why_not_buildable(found, hint, OwnModules())


def _by_name(value: Any, enums: list[Any]) -> Any:
    """Returns the data with each value of an Enum replaced by the name of its member."""
    if isinstance(value, list):
        return [_by_name(part, enums) for part in value]
    if isinstance(value, dict):
        return {key: _by_name(part, enums) for key, part in value.items()}
    for enum in enums:
        for name, member in enum.__members__.items():
            if type(member.value) is type(value) and member.value == value:
                return name
    return value
