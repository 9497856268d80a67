"""What classes and functions take, according to jsonargparse: which arguments, of which types."""

from __future__ import annotations

import collections.abc
import inspect
import re
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

Build = Callable[[], Any]
# Their constructors take `**kwargs` only to pass them on; the last takes none.
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

    @property
    def required(self) -> set[str]:
        """The arguments that must be given."""
        return {*self.hints} - {*self.defaults}


@cache
def signature_of(target: Callable[..., Any]) -> Signature:
    """Returns what a class's constructor, a function or a class method takes by name.

    Arguments of base classes and called functions count where `**kwargs` passes them on.
    """
    from hpsearch.internals.jsonargparse import resolve_parameters

    if hasattr(target, "__required_keys__"):
        return _of_keys(target)
    found: Sequence[Any] = ()
    with suppress(ValueError):  # of a class written in C
        if inspect.isclass(target) or inspect.isfunction(target):
            found = resolve_parameters(target)
        elif inspect.ismethod(target) and inspect.isclass(target.__self__):
            found = _not_filled_in(target, resolve_parameters(target.__self__, target.__name__))
    hints = {p.name: _hint_of(p) for p in found}
    defaults = {p.name: p.default for p in found if p.default is not _EMPTY}
    own = _parameters(target)
    for parameter in own:
        if parameter.kind is parameter.VAR_POSITIONAL and parameter.name not in hints:
            hints[parameter.name], defaults[parameter.name] = Any, ()
    owners = [base for base in getattr(target, "__mro__", ()) if "__init__" in vars(base)]
    is_open = not (owners and owners[0].__name__ in _CLOSED)
    takes_anything = is_open and any(each.kind is each.VAR_KEYWORD for each in own)
    return Signature(hints, defaults, takes_anything)


def _not_filled_in(method: Any, found: Sequence[Any]) -> list[Any]:
    """Returns what a class method takes, without what it adds to its `**kwargs` itself.

    As in `kwargs.setdefault("sizes", rows.sizes)`: its class needs that, and its caller need not
    give it.
    """
    own, text = inspect.signature(method).parameters, ""
    with suppress(OSError, TypeError):  # without a source
        text = inspect.getsource(method)
    added = {*re.findall(r"""["'](\w+)["']""", text)} - {*own}
    return [each for each in found if each.name not in added or each.default is not _EMPTY]


def _hint_of(parameter: Any) -> Any:
    """Returns a parameter's type hint; where that leaves open what to call, the default says it."""
    hint, default = parameter.annotation, parameter.default
    hint = Any if hint is _EMPTY else hint
    is_open = any(is_callable(option) and returns_anything(option) for option in options_of(hint))
    if default is _EMPTY or not (hint is Any or is_open) or not callable(default):
        return hint
    *_, kind, _ = default.__mro__ if inspect.isclass(default) else (Any, object)
    return typing.Union[Callable[..., kind], hint]  # noqa: UP007


def _of_keys(target: Any) -> Signature:
    """Returns what a TypedDict takes: its keys."""
    written = typing.get_type_hints(target, include_extras=True)
    marked = {name: typing.get_origin(hint) for name, hint in written.items()}
    # Where annotations are text, Python does not see which keys are marked.
    marks = {typing.Required: True, typing.NotRequired: False}
    needed = {name: marks.get(marked[name], name in target.__required_keys__) for name in written}
    return Signature(
        typing.get_type_hints(target), {name: ... for name in written if not needed[name]}, False
    )


class RefusedValuesError(ValueError):
    """A constructor rejects the values it is given."""


@dataclass(frozen=True)
class Bound:
    """A component whose class is found and whose arguments are bound.

    Attributes:
        target: the class, factory or class method.
        arguments: what builds each argument.
        is_factory: whether the owner calls it, so that a partial is built.
    """

    target: Callable[..., Any]
    arguments: Mapping[str, Build]
    is_factory: bool = False

    def wants(self, name: str) -> bool:
        """Returns whether it takes an argument of this name and has not been given one."""
        return name in signature_of(self.target).hints and name not in self.arguments

    def build(self, **extra: Any) -> Any:
        """Builds it, with the extra arguments that it takes."""
        given = {name: value for name, value in extra.items() if self.wants(name)}
        given |= {name: build() for name, build in self.arguments.items()}
        positional, parameters = list[Any](), _parameters(self.target)
        has_rest = any(p.kind is p.VAR_POSITIONAL and p.name in given for p in parameters)
        for p in parameters:  # some can only be given by position
            if p.kind is p.VAR_POSITIONAL:
                positional += given.pop(p.name, ())
            elif has_rest and p.kind < p.VAR_POSITIONAL:
                positional += [given.pop(p.name, p.default)]
            elif p.kind is p.POSITIONAL_ONLY and p.name in given:
                positional += [given.pop(p.name)]
        if self.is_factory:
            bare = not (positional or given)
            return self.target if bare else partial(self.target, *positional, **given)
        try:
            return self.target(*positional, **given)
        except Exception as error:
            if not isinstance(error, ValueError) and type(error).__name__ != "TrialPruned":
                raise
            raise RefusedValuesError(f"{type(error).__name__}: {error}") from error


def returned_type(target: Callable[..., Any]) -> Any:
    """Returns the class that a call returns: the class itself, or a function's declared type.

    None if a function does not declare it.
    """
    if inspect.isclass(target):
        return target
    try:
        hint = typing.get_type_hints(inspect.unwrap(target)).get("return")
    except Exception:  # a hint may name what is only imported for type checkers
        hint = None
    hint = typing.get_origin(hint) or hint
    return next(filter(inspect.isclass, (hint, getattr(target, "__self__", None))), None)


def has_base(cls: type | None, name: str) -> bool:
    """Returns whether a class has a base class of this name, in whichever package."""
    return name in [base.__name__ for base in getattr(cls, "__mro__", ())]


def fits(returned: type | None, hint: Any) -> bool:
    """Returns whether the result of a call has, or may have, the type that a hint asks for."""
    classes = (typing.get_origin(option) or option for option in options_of(hint))
    try:
        return returned is None or any(
            cls is Any or (inspect.isclass(cls) and issubclass(returned, cls)) for cls in classes
        )
    except TypeError:  # a protocol with attributes cannot say
        return True


def options_of(hint: Any) -> list[Any]:
    """Returns the types that a hint allows: those of a Union, or the hint itself."""
    if isinstance(hint, typing.TypeVar):
        hint = hint.__bound__ or Any
    origin = typing.get_origin(hint)
    if origin is typing.Annotated:
        return options_of(typing.get_args(hint)[0])
    if origin in (typing.Union, types.UnionType):
        return [option for part in typing.get_args(hint) for option in options_of(part)]
    if origin is typing.Literal and None in typing.get_args(hint):
        return [hint, type(None)]
    if isinstance(hint, str | typing.ForwardRef | types.ModuleType):
        return [Any]  # not a type, or the name of one that does not exist
    return [hint]


def parts_of(hint: Any) -> Iterator[Any]:
    """Yields the types that a hint names, inside unions and containers, containers included."""
    for option in options_of(hint):
        yield option
        for part in typing.get_args(option):
            yield from parts_of(part)


def item_hint(hint: Any, container: Any, key: Any) -> Any:
    """Returns the type that a hint requires of an item of a list, or of a mapping's value."""
    inner: list[Any] = []
    for option in options_of(hint):
        origin, parts = typing.get_origin(option), typing.get_args(option)
        is_container = inspect.isclass(origin) and issubclass(origin, collections.abc.Iterable)
        is_mapping = is_container and issubclass(origin, collections.abc.Mapping)
        if is_container and is_mapping is isinstance(container, dict):
            at = key if origin is tuple and Ellipsis not in parts else int(is_mapping)
            inner += parts[at : at + 1]
    return typing.Union[tuple(inner)] if inner else Any  # noqa: UP007


def is_callable(hint: Any) -> bool:
    """Returns whether a hint asks for something to call, as `Callable[[int], int]` does.

    So does a protocol with the method `__call__`.
    """
    is_protocol = inspect.isclass(hint) and typing.Protocol in hint.__bases__
    calls = is_protocol and "__call__" in vars(hint)
    return calls or collections.abc.Callable in (hint, typing.get_origin(hint))


def returns_anything(hint: Any) -> bool:
    """Returns whether a hint for something to call leaves open what that returns."""
    *_, result = typing.get_args(hint) or (Any,)
    return not inspect.isclass(result) or result in (Any, object)


def spelled(hint: Any) -> str:
    """Returns a type hint as it is written."""
    return inspect.formatannotation(hint).replace("typing.", "").replace("collections.abc.", "")


def _parameters(target: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        return [*inspect.signature(target).parameters.values()]
    except (ValueError, TypeError):  # written in C
        return [inspect.Parameter("anything", inspect.Parameter.VAR_KEYWORD)]
