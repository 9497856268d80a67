"""What a mapping becomes where another type than a dict is asked for.

Its values are the fields of a dataclass, of a pydantic model or of an attrs class, the keys of a
TypedDict, the arguments of a class, or the content of another kind of mapping.
"""

from __future__ import annotations

import argparse
import inspect
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import is_dataclass
from typing import Any, get_args, get_origin

from hpsearch.classes.signature import fits, has_base, options_of, signature_of

# Mappings whose entries are attributes, as the older modules of Lightning take them.
_NAMESPACES = (argparse.Namespace, types.SimpleNamespace)


class Settings(dict[str, Any]):
    """A mapping whose entries are attributes too, so that `hparams.lr` and `vars(hparams)` work."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        super().__init__(content)
        self.__dict__ = self

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (dict(self),)


def class_of_fields(value: Any, hint: Any) -> Any:
    """Returns the class whose arguments a mapping is, such as a dataclass; None if it is none."""
    one = _only_class(hint)
    if not isinstance(value, dict) or one is None or inspect.isabstract(one):
        return None
    if _is_record(one):
        return one
    if fits(dict, one) or mapping_of(value, hint):
        return None
    return one if signature_of(one).hints.keys() & value.keys() else None


def mapping_of(value: Any, hint: Any) -> Callable[[dict[str, Any]], Any] | None:
    """Returns what makes the mapping that a hint asks for; None where that is a dict.

    Without a hint, only the class's code knows whether it reads `hparams.lr` or `hparams["lr"]`.
    """
    if isinstance(value, dict) and hint is Any:
        return Settings
    one = _only_class(hint)
    if not isinstance(value, dict) or one is None or hasattr(one, "__required_keys__"):
        return None
    if issubclass(one, _NAMESPACES):
        return lambda content: one(**content)
    if not issubclass(one, Mapping) or fits(dict, one):
        return None
    return lambda content: one(_as_dicts(content))


def is_of_another_length(value: Any, hint: Any) -> bool:
    """Returns whether a list has more or fewer items than the tuples that a hint asks for."""
    kinds = [option for option in options_of(hint) if _holds_items(option)]
    lengths = {
        len(get_args(kind)) if get_origin(kind) is tuple and ... not in get_args(kind) else None
        for kind in kinds
    }
    return isinstance(value, list) and bool(lengths) and not {None, len(value)} & lengths


def _as_dicts(content: Any) -> Any:
    """Returns mappings as dicts, which others, such as OmegaConf's, make their own of."""
    if isinstance(content, list):
        return [*map(_as_dicts, content)]
    is_ours = type(content) in (dict, Settings)
    return {key: _as_dicts(part) for key, part in content.items()} if is_ours else content


def _is_record(one: type) -> bool:
    typed = hasattr(one, "__required_keys__") or hasattr(one, "__attrs_attrs__")
    return typed or is_dataclass(one) or has_base(one, "BaseModel")


def _only_class(hint: Any) -> Any:
    """Returns the class that a hint asks for, besides None; None if there are several."""
    one, *others = [option for option in options_of(hint) if option is not type(None)] or [None]
    one = get_origin(one) or one
    return one if inspect.isclass(one) and one is not Any and not others else None


def _holds_items(option: Any) -> bool:
    kind = get_origin(option) or option
    return inspect.isclass(kind) and issubclass(kind, Iterable) and not issubclass(kind, str)
