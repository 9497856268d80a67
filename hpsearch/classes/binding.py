"""Binds components to the classes they name: checks every argument, then builds them.

Both the check of a study and the training of a trial use it. jsonargparse, on which LightningCLI is
built, knows what a class takes and how to read a value. This adds factories without a return type,
class methods, and names that only `**kwargs` takes.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

from hpsearch.classes.buildable import why_not_buildable
from hpsearch.classes.components import ComponentError, ForbiddenError, is_component, resolve
from hpsearch.classes.records import class_of_fields, is_of_another_length, mapping_of
from hpsearch.classes.signature import (
    Bound,
    Build,
    fits,
    has_base,
    is_callable,
    item_hint,
    options_of,
    returned_type,
    returns_anything,
    signature_of,
    spelled,
)
from hpsearch.classes.trust import OwnModules
from hpsearch.classes.values import read_value
from hpsearch.studyfile.diagnostics import did_you_mean, nearest
from hpsearch.studyfile.document import KeyPath, items_of, name_of
from hpsearch.studyfile.sections import TYPO
from hpsearch.studyfile.slips import search_from_value

# Built once the network exists: as arguments, these are factories.
_LATER = {"Optimizer": "params", "LRScheduler": "optimizer"}
_DERIVED = "from_data"
# What `from_data` calls the data module itself.
ITSELF = "self"
_PARTIAL = "functools.partial"
_OWN_MODULES = OwnModules()
# Place and message of each thing that is found, by the place's name.
Findings = dict[str, tuple[KeyPath, str]]
# Each argument by name, with its place.
Arguments = dict[str, tuple[KeyPath, Any]]


def _nothing(*_: Any) -> Any:
    raise AssertionError("what has errors is not built")


class Binder:
    """Binds components, and collects everything that is wrong with them.

    Args:
        derive: returns what a component's `from_data` asks for, when the component is built.

    Attributes:
        origins: where each part is written in the file, if that is elsewhere: in a branch.
        errors: the errors, one for each value.
        notes: the same for values that are accepted but may be a mistake.
    """

    def __init__(self, derive: Callable[[Any], Any] = _nothing) -> None:
        self.origins: Mapping[KeyPath, KeyPath] = {}
        self.errors: Findings = {}
        self.notes: Findings = {}
        self._derive = derive

    def add(self, found: Findings, path: KeyPath, message: str) -> None:
        """Adds an error or a note on a value, unless it has one: the first one is the cause."""
        length = next(n for n in range(len(path), -1, -1) if not n or path[:n] in self.origins)
        written = (*self.origins.get(path[:length], ()), *path[length:])
        found.setdefault(name_of(written), (written, message))

    def component(
        self, tree: Any, path: KeyPath, hint: Any = Any, supplied: Collection[str] = ()
    ) -> Bound | None:
        """Binds a component and everything inside it; None if it is none, or its class is wrong.

        Args:
            tree: a mapping with `class_path`, `init_args`, `dict_kwargs` and `from_data`; or the
                class path alone.
            path: where it is in the study.
            hint: the expected type.
            supplied: arguments that it gets when it is built.
        """
        in_short = isinstance(tree, str)
        tree = {"class_path": tree} if in_short else tree
        if not is_component(tree):
            return None
        given: Arguments = {
            name: ((*path, part, name), partial(self._derive, value) if part == _DERIVED else value)
            for part in ("init_args", "dict_kwargs", _DERIVED)
            if isinstance(tree.get(part), dict)
            for name, value in tree[part].items()
        }
        at, class_path = path if in_short else (*path, "class_path"), str(tree["class_path"])
        is_factory = class_path == _PARTIAL
        if is_factory:
            at, class_path = given.pop("func", (at, "partial without a func"))
        try:
            target = resolve(class_path)
            is_factory = is_factory or (in_short and not inspect.isclass(target))
            is_factory = is_factory or _is_factory(target, hint, {*given, *supplied})
            _require_fitting(target, class_path, hint, is_factory=is_factory)
        except ComponentError as error:
            self.add(self.errors, at, str(error))
            return None
        # Arguments under a misspelled key have an error there.
        astray = "init_args" not in tree and nearest("init_args", tree, likeness=TYPO)
        needed = () if is_factory or astray else signature_of(target).required - {*supplied}
        builds = self.arguments(target, class_path, given, (*path, "init_args"), needed)
        return Bound(target, builds, is_factory)

    def arguments(
        self,
        target: Callable[..., Any],
        owner: str,
        given: Arguments,
        path: KeyPath = (),
        needed: Collection[str] = (),
    ) -> dict[str, Build]:
        """Returns what builds each argument; a misspelled one is under the name that was meant.

        Args:
            target: the class or function that takes them.
            owner: what messages call it.
            given: the arguments.
            path: where they are.
            needed: the arguments that must be among them.
        """
        signature, builds = signature_of(target), {}
        for name, (place, value) in given.items():
            unset = value is None and signature.defaults.get(name, ...) is None
            hint = Any if unset else signature.hints.get(name, Any)
            builds[name] = self.value(value, place, hint)
            if line := _meant_as_search(value, hint, signature.defaults.get(name)):
                words = f"{owner} gets {value!r} as '{name}', since it names no type"
                self.add(self.notes, place, f"{words}; to search it, write {line}")
            if name in signature.hints:
                continue
            near = nearest(name, signature.hints)
            if signature.takes_anything and (near not in signature.required or near in given):
                meant = f"; did you mean '{near}'?" if near else ""
                self.add(self.notes, place, f"{owner} gets '{name}' in its **kwargs{meant}")
            else:
                builds[near or name] = builds[name]
                meant = did_you_mean(name, signature.hints)
                self.add(self.errors, place, f"{owner} has no argument '{name}'{meant}")
        for name in sorted({*needed} - {*builds}):
            self.add(self.errors, (*path, name), f"{owner} needs the argument '{name}'")
        return builds

    def value(self, value: Any, path: KeyPath, hint: Any = Any) -> Build:
        """Binds a value and the components in it; returns what builds it."""
        try:
            return self._made(value, path, hint) or read_value(hint, value)
        except ComponentError as error:
            self.add(self.errors, path, _why_not_found(value, hint) or str(error))
            return _nothing

    def _made(self, value: Any, path: KeyPath, hint: Any) -> Build | None:
        """Binds a value that is, or contains, something to build; None for plain data."""
        if isinstance(value, partial):  # derives it
            return value
        if is_component(value) or _names_code(value, hint):
            bound = self.component(value, path, hint)
            return bound.build if bound else _nothing
        if owner := class_of_fields(value, hint):
            given = {name: ((*path, name), each) for name, each in value.items()}
            needed = signature_of(owner).required
            return Bound(owner, self.arguments(owner, spelled(owner), given, path, needed)).build
        items = {key: ((*path, key), item_hint(hint, value, key)) for key, _ in items_of(value)}
        made = {key: self._made(value[key], *item) for key, item in items.items()}
        kind = mapping_of(value, hint)
        if not any(made.values()) and kind is None:
            return None
        builds = [build or self.value(value[key], *items[key]) for key, build in made.items()]
        if isinstance(value, dict):
            kind = kind or dict
            return lambda: kind({key: build() for key, build in zip(items, builds, strict=True)})
        if is_of_another_length(value, hint):
            raise ComponentError(f"must be {spelled(hint)}, not {value!r}")
        is_tuple = any(typing.get_origin(option) is tuple for option in options_of(hint))
        return lambda: (tuple if is_tuple else list)(build() for build in builds)


def bind(
    tree: Any,
    path: KeyPath = (),
    supplied: Collection[str] = (),
    derive: Callable[[Any], Any] = _nothing,
    hint: Any = Any,
) -> Bound:
    """Binds a component of a filled-in study, as `Binder.component` does.

    `derive` returns what a `from_data` asks for.

    Raises:
        ComponentError: a class or an argument of it is wrong; the message has every error.
    """
    binder = Binder(derive)
    bound = binder.component(tree, path, hint, supplied)
    if bound is None or binder.errors:
        lines = [f"{name}: {said}" if name else said for name, (_, said) in binder.errors.items()]
        raise ComponentError("; ".join(lines) or f"{tree!r} names no class; write its class_path")
    return bound


def instantiate(tree: Any, /, **extra: Any) -> Any:
    """Builds a component, with the extra arguments that it takes.

    Raises:
        ComponentError: a class or an argument of it is wrong; the message has every error.
    """
    return bind(tree, (), extra).build(**extra)


def _require_fitting(target: Any, class_path: str, hint: Any, *, is_factory: bool) -> None:
    """Raises ComponentError if a study file may not build this for an argument with this hint.

    Whether the result of a factory fits is left to its owner, unless a class is asked for.
    """
    if inspect.isabstract(target):
        raise ComponentError(f"{class_path} is abstract; name one of its subclasses")
    by_owner = is_factory and not (inspect.isclass(hint) and not is_callable(hint))
    if not by_owner and not fits(returned_type(target), hint):
        raise ComponentError(f"must be {spelled(hint)}, not {class_path}")
    if message := why_not_buildable(target, hint, _OWN_MODULES):
        raise ComponentError(message)


def _is_factory(target: Callable[..., Any], hint: Any, given: Collection[str]) -> bool:
    """Returns whether a component is a factory for its owner to call, rather than its product."""
    returned = returned_type(target)
    if any(has_base(returned, kind) and needed not in given for kind, needed in _LATER.items()):
        return True
    for option in options_of(hint):
        *_, result = typing.get_args(option) or (Any,)
        if typing.get_origin(option) is type and returned:
            return fits(returned, result)
        if is_callable(option):
            if not returns_anything(option):
                return fits(returned, result)
            missing = signature_of(target).required - {*given}
            return bool(missing) or (inspect.isclass(target) and not fits(target, option))
    return False


def _meant_as_search(value: Any, hint: Any, default: Any) -> str | None:
    """Returns the search expression for a sweep where no type and a single default are known."""
    if hint is not Any or not isinstance(default, int | float | str):
        return None
    line = search_from_value(value) if isinstance(value, dict | list) else None
    return line if line and line.startswith("~") else None


def _names_code(value: Any, hint: Any) -> bool:
    """Returns whether a text is short for a component: something to call is asked for first."""
    takers = (option for option in options_of(hint) if option is str or _takes_code(option))
    if next(takers, str) is str or not isinstance(value, str) or "." not in value:
        return False
    try:
        resolve(value)
    except ComponentError as error:  # of what is not a path, the type decides whether it fits
        return isinstance(error, ForbiddenError)
    return True


def _takes_code(option: Any) -> bool:
    """Returns whether an argument is something to call: also an optimizer, whose class is one."""
    return is_callable(option) or any(has_base(option, kind) for kind in _LATER)


def _why_not_found(value: Any, hint: Any) -> str | None:
    """Returns why a text names nothing, where code is asked for; None for any other text."""
    is_path = isinstance(value, str) and "." in value and value.replace(".", "").isidentifier()
    if not is_path or not any(map(_asks_for_code, options_of(hint))):
        return None
    try:
        resolve(value)
    except ComponentError as error:
        return str(error)
    return None


def _asks_for_code(option: Any) -> bool:
    is_class = typing.get_origin(option) is type or has_base(option, "Module")
    return is_class or _takes_code(option)
