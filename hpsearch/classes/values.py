"""What jsonargparse makes of one value under a type hint: whether it fits, and what is built."""

from __future__ import annotations

import collections.abc
import inspect
import types
import typing
from collections.abc import Callable, Iterator
from copy import deepcopy
from enum import EnumMeta
from functools import cache
from typing import Any

from hpsearch.classes.buildable import why_not_buildable
from hpsearch.classes.components import ComponentError, resolve
from hpsearch.classes.trust import OwnModules
from hpsearch.studyfile.forbidden import forbidden_reason

Build = Callable[[], Any]


class MismatchError(ValueError):
    """A value is not of the type that an argument asks for."""


def read_value(hint: Any, value: Any) -> Build:
    """Returns what builds what plain data stand for: a number, a Path, an Enum, a dataclass.

    Raises:
        MismatchError: the data do not fit the hint; the message says what would.
    """
    options = options_of(hint)
    parser = None if Any in options or object in options else _parser(hint)
    if parser is None:
        return lambda: deepcopy(value)
    parts = [*_parts_of(hint)]
    if any(map(is_callable, parts)):  # then a text is the path of a function
        for reason in filter(None, (_why_forbidden(text, hint) for text in _texts(value))):
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
    raise MismatchError(f"must be {members or spelled(hint)}, not {value!r}")


def options_of(hint: Any) -> list[Any]:
    """Returns the types that a hint allows one of: those of a Union, or the hint itself."""
    if isinstance(hint, typing.TypeVar):
        hint = hint.__bound__ or Any
    origin = typing.get_origin(hint)
    if origin is typing.Annotated:
        return options_of(typing.get_args(hint)[0])
    if origin in (typing.Union, types.UnionType):
        return [option for part in typing.get_args(hint) for option in options_of(part)]
    if isinstance(hint, str | typing.ForwardRef | types.ModuleType):
        return [Any]  # not a type, or the name of one that is not there
    return [hint]


def inner_hint(hint: Any, container: type) -> Any:
    """Returns the type that a hint asks of the parts of a list or the values of a mapping."""
    inner: list[Any] = []
    for option in options_of(hint):
        origin = typing.get_origin(option)
        if inspect.isclass(origin) and issubclass(origin, container):
            parts = [part for part in typing.get_args(option) if part is not Ellipsis]
            inner += parts[1:] if container is collections.abc.Mapping else parts
    return typing.Union[tuple(inner)] if inner else Any  # noqa: UP007


def is_callable(hint: Any) -> bool:
    """Tells whether a hint asks for something to call, as `Callable[[int], int]` does."""
    return collections.abc.Callable in (hint, typing.get_origin(hint))


def spelled(hint: Any) -> str:
    """Returns a type hint as it is written."""
    text = inspect.formatannotation(hint) if isinstance(hint, type) else str(hint)
    return text.replace("typing.", "").replace("collections.abc.", "")


@cache
def _parser(hint: Any) -> Any:
    """Returns a parser with one argument of this type; None for a type that data never are."""
    from jsonargparse import ArgumentParser

    parser = ArgumentParser(exit_on_error=False)
    try:
        parser.add_argument("--value", type=hint)
    except Exception:
        return None
    return parser


def _parts_of(hint: Any) -> Iterator[Any]:
    for option in options_of(hint):
        yield option
        for part in typing.get_args(option):
            yield from _parts_of(part)


def _why_forbidden(text: str, hint: Any) -> str | None:
    """Returns why a study file may not name this, where a text may be the path of a function."""
    if (reason := forbidden_reason(text)) or "." not in text:
        return reason
    try:
        found = resolve(text)
    except ComponentError:
        return None  # not a path: whether a text will do is for the type to say
    return why_not_buildable(found, hint, OwnModules())


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)


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
