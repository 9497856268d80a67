"""Arguments that hold settings: a dataclass, a pydantic model, or a mapping of any kind."""

from __future__ import annotations

import inspect
import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, get_origin

from hpsearch.classes.project import is_of_lightning, own_bases, text_of
from hpsearch.classes.records import class_of_fields, mapping_of
from hpsearch.classes.signature import has_base, options_of, signature_of

_PLAIN = (str, int, float, bool, type(None))
# Names of arguments that usually hold settings.
_SETTINGS = re.compile(r"(^|_)(hparams|hyperparams|config|cfg|conf|args|opts?|settings|options)$")

# A number, a word or a truth value, as Python and YAML both write them.
_LITERAL = r"""-?[\d.][\w.+-]*|"[a-zA-Z]\w*"|'[a-zA-Z]\w*'|True|False"""


def plain(value: Any) -> Any:
    """Returns a value as a study file has it: members of an Enum by name, dataclasses by field."""
    if isinstance(value, Enum):
        return value.name
    if _is_record(value):
        return {name: plain(part) for name, part in _fields(value).items()}
    if isinstance(value, Mapping):
        return {name: plain(part) for name, part in value.items()}
    return [*map(plain, value)] if isinstance(value, list | tuple) else value


def is_plain(value: Any) -> bool:
    """Returns whether a value can be written in a study file."""
    if isinstance(value, Mapping):
        return all(isinstance(name, str) and is_plain(part) for name, part in value.items())
    return all(map(is_plain, value)) if isinstance(value, list | tuple) else type(value) in _PLAIN


def defaults_of(hint: Any, given: Any = None) -> dict[str, Any] | None:
    """Returns the settings of a dataclass or a pydantic model; None if one has no default.

    Those that no study file can have, such as a mapping of numbers, are left out.

    Args:
        hint: the dataclass or the model.
        given: settings that have a value, by name.
    """
    record = class_of_fields({}, hint)
    with suppress(Exception):  # of its own checks, or a field without a default
        return _plain_fields(record(**(given or {}))) | (given or {})
    return None


def _plain_fields(record: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, part in _fields(record).items():
        value = _plain_fields(part) if _is_record(part) else plain(part)
        if is_plain(value):
            found[name] = value
    return found


def _is_record(value: Any) -> bool:
    if isinstance(value, type):
        return False
    has_fields = is_dataclass(value) or hasattr(value, "__attrs_attrs__")
    return has_fields or has_base(type(value), "BaseModel")


def _fields(record: Any) -> dict[str, Any]:
    if is_dataclass(record):
        return {field.name: getattr(record, field.name) for field in fields(record)}
    if attributes := getattr(record, "__attrs_attrs__", None):
        return {each.alias: getattr(record, each.name) for each in attributes if each.init}
    return dict(record)


def hints_of(hint: Any) -> Mapping[str, Any]:
    """Returns the type hints of a dataclass's or a pydantic model's fields; none of a mapping's."""
    record = class_of_fields({}, hint)
    return signature_of(record).hints if record else {}


def settings_of(default: Any, given: Any) -> dict[str, Any] | None:
    """Returns the settings that an argument holds.

    None if it holds none, or anything but plain values.

    Args:
        default: the argument's default.
        given: the value in the study file, which may leave out settings of the default.
    """
    whole, parts = plain(default), plain(given)
    named = [value for value in (whole, parts) if isinstance(value, Mapping)]
    settings = {name: value for mapping in named for name, value in mapping.items()}
    is_replaced = parts is not None and not isinstance(parts, Mapping)
    return None if is_replaced or not named or not is_plain(settings) else settings


def holds_settings(name: str) -> bool:
    """Returns whether an argument of this name usually holds settings, such as `cfg`."""
    return bool(_SETTINGS.search(name))


def are_settings(name: str, hint: Any) -> bool:
    """Returns whether an argument takes a mapping of settings, by its type or its name."""
    kinds = [get_origin(option) or option for option in options_of(hint)]
    is_mapping = dict in kinds or mapping_of({}, hint) is not None
    return is_mapping and (hint is not Any or holds_settings(name))


def names_in(owner: Any, name: str, hint: Any, known: Collection[str] = ()) -> str:
    """Returns the settings to give for an argument, as in `{lr: VALUE}`; `VALUE` if it has none.

    Those that the code reads with a default, as in `config.get("lr", 0.1)`, have that.

    Args:
        owner: the class that takes the argument.
        name: the argument's.
        hint: its type hint.
        known: settings that it has already.
    """
    if record := class_of_fields({}, hint):
        return _spelled({field: {} for field in sorted(signature_of(record).required)})
    if not are_settings(name, hint):
        return "VALUE"
    read: dict[str, Any] = {}
    for text in map(text_of, own_bases(owner)):
        saved = "|hparams" if f"save_hyperparameters({name}" in text else ""
        # What is read as `hparams.lr`, `cfg["optim"]["lr"]` or `self.hparams.lr`; no method calls.
        keys = r"""((?:\.\w+\b(?!\()|\[["']\w+["']\])+)"""
        for chain in re.findall(rf"\b(?:{name}{saved}){keys}", text):
            inner = read
            for key in re.findall(r"\w+", chain):
                inner = inner.setdefault(key, {})
        for key in re.findall(rf"""\bgetattr\([\w.]*\b{name}, ?["'](\w+)["']\)""", text):
            read.setdefault(key, {})
        got = rf"""\b{name}\.(?:get|pop)\(["'](\w+)["'], ?({_LITERAL})\)"""
        for key, default in re.findall(got, text):
            read.setdefault(key, default.strip("\"'"))
    return _spelled({key: read[key] for key in read if key not in known})


def read_from_rest(target: Any) -> list[str]:
    """Returns what a class must be given in its `**kwargs`: what it reads as `kwargs["width"]`.

    Or as `self.hparams.width`, if it saves them.
    """
    names: dict[str, None] = {}
    for base in getattr(target, "__mro__", ()):
        if "__init__" not in vars(base):
            continue
        taken = inspect.signature(base.__init__).parameters.values()
        rest = next((each.name for each in taken if each.kind is each.VAR_KEYWORD), None)
        if rest is None or is_of_lightning(base):
            break
        text = text_of(base)
        found = re.findall(rf"""\b{rest}\[["'](\w+)["']\](?!\s*=[^=])""", text)
        asked = re.findall(rf"""["'](\w+)["'] (?:not )?in {rest}\b""", text)
        if "save_hyperparameters()" in text:
            found += re.findall(r"""\bself\.hparams\.(\w+)\b(?!\(|\s*=[^=])""", text)
            found += re.findall(r"""\bself\.hparams\[["'](\w+)["']\](?!\s*=[^=])""", text)
            asked += re.findall(r"""["'](\w+)["'] (?:not )?in self\.hparams\b""", text)
            asked += re.findall(r"""\b[gh]\w+attr\(self\.hparams, ?["'](\w+)["']""", text)
        names |= dict.fromkeys(name for name in found if name not in asked)
    return [*names]


def _spelled(names: Mapping[str, Any] | str) -> str:
    if isinstance(names, str):
        return names
    if not names:
        return "VALUE"
    return f"{{{', '.join(f'{name}: {_spelled(inner)}' for name, inner in names.items())}}}"
