"""Values of a study file, read by jsonargparse as the type hint of their argument asks for."""

from __future__ import annotations

import collections.abc
import inspect
import operator
import sys
import types
import typing
from copy import deepcopy
from enum import EnumMeta
from functools import cache, partial, reduce
from typing import Any

from hpsearch.classes.components import ComponentError
from hpsearch.classes.signature import Build, options_of, parts_of, spelled
from hpsearch.studyfile.slips import search_from_value


def read_value(hint: Any, value: Any) -> Build:
    """Returns what builds a value from plain data: a number, a Path, an Enum, a dataclass.

    Raises:
        ComponentError: the data do not fit the hint; the message says what does.
    """
    options = options_of(hint)
    as_it_is = Any in options or object in options or options[0] is type(value)
    parser = None if as_it_is else _parser(hint, str(hint))
    if parser is None:
        return lambda: deepcopy(value)
    try:
        if value is None and type(None) not in options:
            raise TypeError
        config = parser.parse_object({"value": deepcopy(value)})
    except (Exception, SystemExit):
        line = _search_instead(hint, value)
        purpose = "to search it, " if line and line.startswith("~") else ""
        search = f"; {purpose}write {line}" if line else ""
        message = f"must be {_choices(hint)}, not {value!r}{search}"
        raise ComponentError(message) from None
    build = getattr(parser, "instantiate", None) or parser.instantiate_classes
    return lambda: build(config)["value"]


def _choices(hint: Any) -> str:
    """Returns what may be written for a type: its values if they are few, or else its name."""
    choices: list[str] = []
    for option in options_of(hint):
        if isinstance(option, EnumMeta):
            choices += option.__members__
        elif typing.get_origin(option) is typing.Literal:
            choices += [str(each) for each in typing.get_args(option) if each is not None]
        elif option is bool:
            choices += ["true", "false"]
        elif option is not type(None):
            return spelled(hint)
    return " or ".join(dict.fromkeys(choices))


def _search_instead(hint: Any, value: Any) -> str | None:
    """Returns what to write instead of a value that may be meant as a range or as options."""
    line = search_from_value(value)
    if line and line.startswith("~") and isinstance(value, list):
        try:
            for option in value:
                read_value(hint, option)
        except ComponentError:
            return None
    return line


@cache
def _parser(hint: Any, _spelled: str) -> Any:
    """Returns a parser with one argument of this type; None for a type that plain data cannot have.

    Hints that differ only in their order, such as `Path | str`, are equal; their texts differ.
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
        parser.add_argument("--value", type=_narrow_first(hint))
    except Exception:
        return None
    return parser


def _member(enum: Any, value: Any) -> Any:
    """Returns the member of an Enum that has this name or this value."""
    return enum[value] if value in enum.__members__ else enum(value)


def _of_torch(kind: Any, text: str) -> Any:
    """Returns a type of numbers, or a device, by its name."""
    found = getattr(sys.modules["torch"], text.removeprefix("torch."), None)
    return found if isinstance(found, kind) else kind(text)


def _narrow_first(hint: Any) -> Any:
    """Returns a hint whose unions try the narrower types first: a text, then int, then float.

    For typing, `int | float` and `float | int` are one hint. Whichever was seen first would decide
    whether one validation batch becomes 1.0, which means all of them.
    """
    origin, parts = typing.get_origin(hint), tuple(map(_narrow_first, typing.get_args(hint)))
    if origin in (typing.Union, types.UnionType):
        in_order = sorted(parts, key=lambda part: [n in parts_of(part) for n in (float, int, bool)])
        return reduce(operator.or_, in_order)
    is_container = inspect.isclass(origin) and issubclass(origin, collections.abc.Iterable)
    return origin[parts] if is_container else hint
