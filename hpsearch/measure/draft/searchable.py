"""Which arguments of a project's classes can be searched, and in which ranges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal, get_args, get_origin

from hpsearch.classes.check import SUPPLIED
from hpsearch.classes.components import resolve
from hpsearch.classes.signature import signature_of
from hpsearch.errors import InputError
from hpsearch.measure.draft.habits import choice, habit
from hpsearch.studyfile.document import KeyPath
from hpsearch.studyfile.expressions import is_expression

_PLAIN = (str, int, float, bool, type(None))


@dataclass(frozen=True)
class Searchable:
    """An argument that can be searched.

    Attributes:
        path: where it is in the study file.
        text: the argument, or a list of them.
        default: its value without a search; None if there is none.
        required: whether there is none.
    """

    path: KeyPath
    text: Any
    default: Any
    required: bool


def searchable(tree: Mapping[str, Any]) -> tuple[list[Searchable], dict[str, dict[str, Any]]]:
    """Returns the arguments with a usual range, and the plain ones, which keep their values.

    Raises:
        InputError: arguments have neither a value nor a usual range; the message names all of them.
    """
    arguments: list[Searchable] = []
    idle: dict[str, dict[str, Any]] = {}
    missing: list[str] = []
    for section in ("model", "data", "optimizer"):
        if not (component := tree.get(section)):
            continue
        given = component.get("init_args") or {}
        signature = signature_of(resolve(component["class_path"]))
        taken = {*SUPPLIED[section], *(component.get("from_data") or {})}
        for name, hint in signature.hints.items():
            if name in taken or (section == "optimizer" and name not in given):
                continue
            known = {**signature.defaults, **given}
            argument = _searchable_of(section, name, hint, known, [*signature.hints])
            if is_expression(known.get(name)):
                continue
            if argument is not None:
                arguments.append(argument)
            elif name not in known:
                missing.append(f"--set {section}.{name}=VALUE")
            elif name not in given and known[name] != () and _is_plain(known[name]):
                idle.setdefault(section, {})[name] = known[name]
    if missing:
        raise InputError(f"some arguments have no default; give them: {' '.join(missing)}")
    return arguments, idle


def _searchable_of(
    section: str, name: str, hint: Any, known: Mapping[str, Any], beside: Sequence[str]
) -> Searchable | None:
    options = _options(hint)
    habitual = section != "data" or name in ("batch_size", "train_batch_size") or bool(options)
    if section == "optimizer" and not known.get(name):
        habitual = False
    if not habitual:
        return None
    others = [other for other in beside if other != name]
    text = choice(options) if options else habit(name, known.get(name), others)
    path = (section, "init_args", name)
    return None if text is None else Searchable(path, text, known.get(name), name not in known)


def _options(hint: Any) -> list[Any]:
    """Returns the values that a type hint lists, if there are several."""
    found = [*get_args(hint)] if get_origin(hint) is Literal else []
    if isinstance(hint, type) and issubclass(hint, Enum):
        found = [*hint.__members__]
    return found if len(found) > 1 else []


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return type(value) in _PLAIN


def put(tree: dict[str, Any], path: KeyPath, value: Any) -> None:
    """Sets the value of an argument."""
    section, _, name = path
    component = tree[str(section)]
    component["init_args"] = {**(component.get("init_args") or {}), name: value}
