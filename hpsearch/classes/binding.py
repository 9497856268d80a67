"""Binds components to the classes they name: checks every argument, then builds them.

Both the check of a study and the training of a trial use it. jsonargparse, on which LightningCLI is
built, knows what a class takes and how to read a value. This adds factories without a return type,
class methods, and names that only `**kwargs` takes.
"""

from __future__ import annotations

import collections.abc
import functools
import inspect
import typing
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, is_dataclass
from typing import Any, TypeVar

from hpsearch.classes.bound import Bound
from hpsearch.classes.buildable import why_not_buildable
from hpsearch.classes.components import PARTIAL, ComponentError, is_component, resolve
from hpsearch.classes.signature import (
    Kind,
    fits,
    inner_hint,
    is_callable,
    is_one,
    options_of,
    returned_type,
    signature_of,
    spelled,
)
from hpsearch.classes.trust import OwnModules
from hpsearch.classes.values import Build, MismatchError, read_value
from hpsearch.studyfile.diagnostics import did_you_mean, nearest
from hpsearch.studyfile.document import KeyPath, name_of
from hpsearch.studyfile.sections import TYPO

# Built once the network exists: as arguments, these are factories.
_LATER = {"Optimizer": "params", "LRScheduler": "optimizer"}
_OWN_MODULES = OwnModules()
Tell = Callable[[KeyPath, str], None]
T = TypeVar("T")
Arguments = Mapping[str, tuple[KeyPath, Any]]


@dataclass(frozen=True)
class Binder:
    """Binds components, and reports everything that is wrong with them.

    Args:
        error: takes the path and the message of each error.
        note: takes what is accepted but may be a mistake.
        known: tells whether a path has an error already, or (if True) a part of it.
        derive: makes what a component's `from_data` asks for, when that is built.
    """

    report: Tell
    note: Tell = lambda path, message: None
    known: Callable[[KeyPath, bool], bool] = lambda path, inside: False
    derive: Callable[[Any], Any] = lambda source: _nothing()

    def component(
        self, tree: Any, path: KeyPath, hint: Any = Any, supplied: Collection[str] = ()
    ) -> Bound | None:
        """Binds a component and what is inside it; None if its class cannot be used.

        Args:
            tree: a mapping with `class_path`, `init_args`, `dict_kwargs` and `from_data`.
            path: where it is in the study.
            hint: the expected type.
            supplied: arguments that it gets when it is built.
        """
        arguments = _arguments(tree, path)
        derived = tree["from_data"] if isinstance(tree.get("from_data"), dict) else {}
        supplied = {*supplied, *derived}
        at, class_path = (*path, "class_path"), tree["class_path"]
        partial = class_path == PARTIAL
        if partial:
            at, class_path = arguments.pop("func", (at, "partial without a func"))
        if self.known(path, False) or self.known(at, False):
            return None
        try:
            target = resolve(str(class_path))
        except ComponentError as error:
            self.report(at, str(error))
            return None
        partial = partial or _is_factory(target, hint, {*arguments, *supplied})
        message = why_not_buildable(target, None if isinstance(hint, Kind) else hint, _OWN_MODULES)
        if inspect.isabstract(target):
            message = f"{class_path} is abstract; name one of its subclasses"
        elif not partial and not fits(returned_type(target), hint):
            message = f"must be {spelled(hint)}, not {class_path}"
        if message:
            self.report(at, message)
            return None
        if _has_misplaced_arguments(tree):
            return Bound(target, {}, partial)
        signature = signature_of(target)
        needed = () if partial else signature.hints.keys() - signature.defaults.keys() - supplied
        builds = self.arguments(target, str(class_path), arguments, (*path, "init_args"), needed)
        for name, source in derived.items():
            builds[name] = functools.partial(self.derive, source)
            if not signature.takes(name):
                self.report((*path, "from_data", name), f"{class_path} has no argument '{name}'")
        return Bound(target, builds, partial)

    def arguments(
        self,
        target: Callable[..., Any],
        owner: str,
        arguments: Arguments,
        path: KeyPath = (),
        needed: Collection[str] = (),
    ) -> dict[str, Build]:
        """Returns what builds each argument; a misspelled one is under the name that was meant.

        Args:
            target: the class or function that takes them.
            owner: what messages call it.
            arguments: each value by the argument's name, with its place.
            path: where they are.
            needed: those that have to be among them.
        """
        signature, builds = signature_of(target), {}
        for name, (place, value) in arguments.items():
            unset = value is None and signature.defaults.get(name, ...) is None
            hint = Any if unset else signature.hints.get(name, Any)
            builds[name] = self.value(value, place, hint)
            if name in signature.hints:
                continue
            near = nearest(name, signature.hints)
            given = near is None or near in signature.defaults or near in arguments
            if signature.takes_anything and given:
                meant = f"; did you mean '{near}'?" if near else ""
                self.note(place, f"{owner} gets '{name}' in its **kwargs{meant}")
            else:
                builds[near or name] = builds[name]
                hint = did_you_mean(name, signature.hints)
                self.report(place, f"{owner} has no argument '{name}'{hint}")
        for name in sorted({*needed} - {*builds}):
            self.report((*path, name), f"{owner} needs the argument '{name}'")
        return builds

    def value(self, value: Any, path: KeyPath, hint: Any = Any) -> Build:
        """Binds a value and the components in it; returns what builds it."""
        if is_component(value):
            return getattr(self.component(value, path, hint), "build", _nothing)
        if isinstance(value, dict) and (owner := _implicit_class(value, hint)):
            known, arguments = signature_of(owner), {k: ((*path, k), value[k]) for k in value}
            needed = known.hints.keys() - known.defaults.keys()
            return Bound(
                owner, self.arguments(owner, spelled(owner), arguments, path, needed)
            ).build
        if isinstance(value, dict) and _has_component(value):
            part = inner_hint(hint, collections.abc.Mapping)
            builds = {key: self.value(value[key], (*path, key), part) for key in value}
            return lambda: {key: build() for key, build in builds.items()}
        part = inner_hint(hint, collections.abc.Iterable)
        if isinstance(value, list) and any(_is_made(each, part) for each in value):
            items = [self.value(item, (*path, index), part) for index, item in enumerate(value)]
            is_tuple = any(typing.get_origin(option) is tuple for option in options_of(hint))
            return lambda: (tuple if is_tuple else list)(build() for build in items)
        try:
            return _nothing if self.known(path, True) else read_value(hint, value)
        except MismatchError as error:
            self.report(path, str(error))
            return _nothing


def bind(
    tree: Any,
    path: KeyPath = (),
    supplied: Collection[str] = (),
    derive: Callable[[Any], Any] = lambda source: _nothing(),
) -> Bound:
    """Binds a component of a filled-in study.

    Args:
        tree: the component.
        path: its place, for the message.
        supplied: arguments that it gets when it is built.
        derive: makes what a `from_data` asks for.

    Raises:
        ComponentError: a class or an argument of it is wrong; the message has every error.
    """
    bound = _raising_errors(lambda binder: binder.component(tree, path, supplied=supplied), derive)
    assert bound is not None
    return bound


def instantiate(tree: Any, /, **extra: Any) -> Any:
    """Builds a component, or every component in a list or a mapping.

    Args:
        tree: the component; other values stay as they are.
        **extra: arguments for the outermost component, if it takes them.

    Raises:
        ComponentError: a class or an argument of it is wrong; the message has every error.
    """
    if is_component(tree):
        return bind(tree, (), extra).build(**extra)
    return _raising_errors(lambda binder: binder.value(tree, ()))()


def instantiate_arguments(
    target: Callable[..., Any], tree: Mapping[str, Any], path: KeyPath
) -> dict[str, Any]:
    """Builds the arguments of a class or function, as their type hints ask for.

    Raises:
        ComponentError: an argument is wrong; the message has every error.
    """
    given = {name: ((*path, name), value) for name, value in tree.items()}
    owner = target.__name__
    builds = _raising_errors(lambda binder: binder.arguments(target, owner, given, path))
    return {name: build() for name, build in builds.items()}


def _raising_errors(use: Callable[[Binder], T], derive: Any = None) -> T:
    """Returns what comes of the use of a binder, unless there are errors, which are raised."""
    errors: list[str] = []

    def report(path: KeyPath, message: str) -> None:
        errors.append(f"{name_of(path)}: {message}" if path else message)

    result = use(Binder(report, derive=derive))
    if errors:
        raise ComponentError("; ".join(errors))
    return result


def _arguments(tree: Mapping[str, Any], path: KeyPath) -> dict[str, tuple[KeyPath, Any]]:
    """Returns the arguments of a component by name, with their places."""
    return {
        name: ((*path, part, name), value)
        for part in ("init_args", "dict_kwargs")
        if isinstance(tree.get(part), dict)
        for name, value in tree[part].items()
    }


def _has_misplaced_arguments(tree: Mapping[str, Any]) -> bool:
    """Returns whether the arguments are in the wrong place, which is reported elsewhere."""
    if "init_args" in tree:
        return not isinstance(tree["init_args"] or {}, dict)
    return nearest("init_args", tree, likeness=TYPO) is not None


def _is_factory(target: Callable[..., Any], hint: Any, given: Collection[str]) -> bool:
    """Returns whether a component is a factory for its owner to call, rather than its product."""
    returned = returned_type(target)
    names = [base.__name__ for base in returned.__mro__] if returned else []
    if any(_LATER[name] not in given for name in names if name in _LATER):
        return True
    for option in options_of(hint):
        if typing.get_origin(option) is type and returned:
            return fits(returned, typing.get_args(option)[0])
    for option in filter(is_callable, options_of(hint)):
        *_, result = typing.get_args(option) or (Any,)
        if inspect.isclass(result) and result is not object:
            return fits(returned, result)
        signature = signature_of(target)
        missing = signature.hints.keys() - signature.defaults.keys() - {*given}
        return bool(missing) or (inspect.isclass(target) and not is_one(target, option))
    return False


def _implicit_class(value: Mapping[str, Any], hint: Any) -> Any:
    """Returns the class whose arguments a mapping is, such as a dataclass; None if it is a dict."""
    one, *others = [option for option in options_of(hint) if option is not type(None)]
    if others or not inspect.isclass(one) or is_one(dict, one) or inspect.isabstract(one):
        return None
    takes = {*signature_of(one).hints}  # type: ignore[arg-type]
    return one if is_dataclass(one) or takes & value.keys() else None


def _is_made(value: Any, hint: Any) -> bool:
    """Returns whether a value is not plain data but describes something to build."""
    return _has_component(value) or bool(isinstance(value, dict) and _implicit_class(value, hint))


def _has_component(value: Any) -> bool:
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return is_component(value) or any(map(_has_component, parts))


def _nothing() -> None:
    raise AssertionError("what has errors is not built")
