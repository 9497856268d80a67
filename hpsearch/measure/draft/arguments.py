"""What a component takes, and which of its arguments are components."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, get_args, get_origin

from hpsearch.classes.components import ComponentError, is_component, resolve
from hpsearch.classes.project import own_bases, text_of
from hpsearch.classes.records import class_of_fields
from hpsearch.classes.signature import Signature, has_base, options_of, signature_of
from hpsearch.measure.draft.settings import are_settings, holds_settings, plain

# What a study file names by the path of its class.
_NAMED = ("Module", "Optimizer", "LRScheduler")
_PLAIN_MODULES = ("builtins", "collections", "collections.abc", "typing", "argparse", "types")


def taken_by(target: Any) -> Signature:
    """Returns what a class or a function takes by name.

    A class method that takes `**kwargs`, such as `from_dataset`, passes them to its class: of
    that, the arguments with a default are among them. Settings that are null by default, for which
    the code makes some itself (`config or Config()`), have the defaults of these.
    """
    own = signature_of(target)
    made_itself = [name for name in own.defaults if _makes_settings(target, own, name)]
    if made_itself:
        rest = {name: own.defaults[name] for name in own.defaults if name not in made_itself}
        own = replace(own, defaults=rest)
    if not (inspect.ismethod(target) and inspect.isclass(target.__self__) and own.takes_anything):
        return own
    kind: Any = target.__self__
    made = signature_of(kind)
    more = {name: made.hints[name] for name in made.defaults if name not in own.hints}
    defaults = {name: made.defaults[name] for name in more}
    return replace(own, hints={**own.hints, **more}, defaults={**own.defaults, **defaults})


def is_object(name: str, hint: Any) -> bool:
    """Returns whether an argument is an object of a project, such as a data set or a tokenizer.

    A study file can write settings and paths, and name the class of a network or an optimizer.
    """
    kinds = [option for option in options_of(hint) if option is not type(None)]
    if len(kinds) != 1 or not isinstance(kinds[0], type) or are_settings(name, hint):
        return False
    kind = kinds[0]
    is_written = kind.__module__ in _PLAIN_MODULES or class_of_fields({}, hint)
    is_named = any(has_base(kind, base) for base in (*_NAMED, "PurePath", "Enum"))
    return not (is_written or is_named or holds_settings(name))


def component_in(value: Any, hint: Any) -> dict[str, Any] | None:
    """Returns the component that an argument is, if it is one: also by its class path alone."""
    if is_component(value):
        return dict(value)
    made = value.func if isinstance(value, partial) and not value.args else None
    if isinstance(value, type) and _is_factory(hint):
        made, value = value, partial(value)
    if isinstance(made, type) and has_base(made, "Optimizer"):
        path = f"{made.__module__}.{made.__qualname__}"
        return {"class_path": path, "init_args": plain(value.keywords)}
    if hint is str or not isinstance(value, str) or "." not in value:
        return None
    try:
        return {"class_path": value} if isinstance(resolve(value), type) else None
    except ComponentError:
        return None


def _makes_settings(target: Any, own: Signature, name: str) -> bool:
    record = class_of_fields({}, own.hints.get(name)) if own.defaults[name] is None else None
    texts = map(text_of, own_bases(target) or [target])
    return record is not None and any(f"{record.__name__}()" in text for text in texts)


def _is_factory(hint: Any) -> bool:
    """Returns whether a type hint is that of a function that makes an object."""
    return any(
        isinstance((get_args(option) or [None])[-1], type)
        for option in options_of(hint)
        if get_origin(option) is Callable
    )
