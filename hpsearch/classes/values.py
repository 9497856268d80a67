"""Checks one value against a type hint with jsonargparse, and builds it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from copy import deepcopy
from enum import EnumMeta
from functools import cache, partial
from typing import Any

from hpsearch.classes.buildable import why_not_buildable
from hpsearch.classes.components import ComponentError, resolve
from hpsearch.classes.signature import is_callable, item_hint, options_of, parts_of, spelled
from hpsearch.classes.trust import OwnModules
from hpsearch.studyfile.document import items_of
from hpsearch.studyfile.forbidden import forbidden_reason
from hpsearch.studyfile.sections import texts_of
from hpsearch.studyfile.slips import search_from_mapping

Build = Callable[[], Any]
_PLAIN = (bool, int, float, str, type(None))


class MismatchError(ValueError):
    """A value does not fit the type of its argument."""


def read_value(hint: Any, value: Any) -> Build:
    """Returns what builds a value from plain data: a number, a Path, an Enum, a dataclass.

    Raises:
        MismatchError: the data do not fit the hint; the message says what would.
    """
    options = options_of(hint)
    parser = None if Any in options or object in options else _parser(hint, str(hint))
    if parser is None:
        return lambda: deepcopy(value)
    if any(map(is_callable, parts_of(hint))):  # then a text is the path of a function
        for _, text, _ in texts_of([value]):
            if reason := _why_forbidden(text, hint):
                raise MismatchError(reason)
    try:
        if value is None and type(None) not in options:
            raise TypeError
        config = parser.parse_object({"value": deepcopy(value)})
    except (Exception, SystemExit):
        enums = [part for part in parts_of(hint) if isinstance(part, EnumMeta)]
        members = " or ".join(name for enum in enums for name in enum.__members__)
        line = search_from_mapping(value)
        search = f"; to search it, write {line}" if line else ""
        message = f"must be {members or spelled(hint)}, not {value!r}{search}"
        raise MismatchError(message) from None
    build = getattr(parser, "instantiate", None) or parser.instantiate_classes
    return lambda: _as_written(build(config)["value"], value, hint)


@cache
def _parser(hint: Any, _spelled: str) -> Any:
    """Returns a parser with one argument of this type; None for a type that data never have.

    Hints that differ in order alone, as `Path | str`, are equal: their text tells them apart.
    """
    from jsonargparse import ArgumentParser
    from jsonargparse.typing import register_type

    for part in parts_of(hint):
        if isinstance(part, EnumMeta):
            register_type(part, lambda member: member.name, partial(_member, part))
        elif getattr(part, "__module__", "") == "torch" and part.__name__ in ("dtype", "device"):
            register_type(part, str, partial(_of_torch, part))
    parser = ArgumentParser(exit_on_error=False)
    try:
        parser.add_argument("--value", type=hint)
    except Exception:
        return None
    return parser


def _member(enum: Any, value: Any) -> Any:
    """Returns the member of an Enum that has this name or this value."""
    named = enum.__members__.get(value) if isinstance(value, str) else None
    same = (each for each in enum if (type(each.value), each.value) == (type(value), value))
    if (member := named or next(same, None)) is None:
        raise ValueError(value)
    return member


def _of_torch(kind: Any, text: str) -> Any:
    """Returns a type of numbers, or a device, by its name."""
    found = getattr(sys.modules["torch"], text.removeprefix("torch."), None)
    return found if isinstance(found, kind) else kind(text)


def _as_written(built: Any, written: Any, hint: Any) -> Any:
    """Returns what was built, in which a value that fits as it is stays what it is.

    To typing, `int | float` and `float | int` are one hint, and whichever was seen first would
    decide whether one validation batch becomes 1.0, all of them.
    """
    if type(built) in _PLAIN:
        return written if type(written) in options_of(hint) else built
    if type(built) not in (list, tuple, dict) or not isinstance(written, list | dict):
        return built
    parts = built.values() if type(built) is dict else built
    kept = [
        _as_written(part, each, item_hint(hint, written, key))
        for part, (key, each) in zip(parts, items_of(written), strict=True)
    ]
    return dict(zip(built, kept, strict=True)) if type(built) is dict else type(built)(kept)


def _why_forbidden(text: str, hint: Any) -> str | None:
    """Returns why a study file may not name this, where a text may be the path of a function."""
    if (reason := forbidden_reason(text)) or "." not in text:
        return reason
    try:
        found = resolve(text)
    except ComponentError:
        return None  # not a path: the type decides whether the text fits
    return why_not_buildable(found, hint, OwnModules())
