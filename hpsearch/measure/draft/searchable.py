"""Which arguments of a project's classes can be searched, and in which ranges."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import partial
from typing import Any, Literal, get_args, get_origin

from hpsearch.classes.check import SUPPLIED
from hpsearch.classes.cli import with_cli
from hpsearch.classes.components import resolve
from hpsearch.classes.signature import has_base, options_of
from hpsearch.errors import InputError
from hpsearch.measure.draft.arguments import component_in, is_object, taken_by
from hpsearch.measure.draft.command_line import defaults_of_parser
from hpsearch.measure.draft.data_attributes import attribute_for, kept_by
from hpsearch.measure.draft.habits import choice, habit, is_batch_size, is_off
from hpsearch.measure.draft.settings import (
    are_settings,
    defaults_of,
    hints_of,
    is_plain,
    names_in,
    plain,
    read_from_rest,
    settings_of,
)
from hpsearch.studyfile.document import KeyPath, name_of
from hpsearch.studyfile.expressions import is_expression

# What stands for the name of something that the data module keeps.
ATTRIBUTE = "ATTRIBUTE"
# What a module gives to its own optimizer.
_OF_OPTIMIZER = ("lr", "learning_rate", "weight_decay", "momentum")


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


@dataclass
class _Found:
    """What was found in the components of a study file.

    Attributes:
        fixed: the names of the arguments that the user gave a value.
        of_trainer: the names of the Trainer's arguments in the file.
        missing: what to give the others, as in `model.width=VALUE`.
    """

    fixed: Collection[str] = ()
    of_trainer: Collection[str] = ()
    arguments: list[Searchable] = field(default_factory=list)
    idle: dict[str, dict[str, Any]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)

    def ask(self, name: str, wanted: str) -> None:
        """Adds what to give an argument, as in `model.width=VALUE`."""
        one = f"{name}={wanted}"
        self.missing.append(f'"{one}"' if " " in one else one)


def searchable(
    tree: Mapping[str, Any], fixed: Collection[str] = ()
) -> tuple[list[Searchable], dict[str, dict[str, Any]]]:
    """Returns the arguments with a usual range, and the plain ones, which keep their values.

    A class path that is given as an argument becomes a component, and an argument without a value
    comes from an attribute of the data module that has its name. If the model takes an argument of
    the data or the Trainer, such as `batch_size` or `max_epochs`, it has the same value. With an
    optimizer of the file, the module's own is not used, and its learning rate is not searched.

    Args:
        tree: the sections.
        fixed: the names of arguments that keep their values, such as `model.width`.

    Raises:
        InputError: arguments have neither a value nor a usual range; the message names all of them.
    """
    plain_ones = [name for name, value in tree.get("trainer", {}).items() if is_plain(value)]
    unused = [f"model.{name}" for name in _OF_OPTIMIZER if tree.get("optimizer")]
    found, linked = _Found([*fixed, *unused], plain_ones), with_cli(tree)
    for section in ("model", "data", "optimizer"):
        if component := tree.get(section):
            by_program = {*SUPPLIED[section]}
            for part in ("init_args", "from_data"):
                by_program |= {*((linked.get(section) or {}).get(part) or {})}
            by_program -= {*(component.get("init_args") or {})}
            source = tree.get("data") if section == "model" else None
            _search(found, component, (section,), by_program, source)
    if found.missing:
        given = " ".join(f"--set {one}" for one in found.missing)
        kept = ", ".join(kept_by(tree.get("data")))
        among = f"; {ATTRIBUTE} is one of the data module's: {kept}" if ATTRIBUTE in given else ""
        raise InputError(f"some arguments have no default; give them: {given}{among}")
    of_data = {argument.path[1:] for argument in found.arguments if argument.path[0] == "data"}
    return [
        replace(argument, text=f"~ref({name_of(('data', *argument.path[1:]))})")
        if argument.path[0] == "model" and argument.path[1:] in of_data
        else argument
        for argument in found.arguments
    ], found.idle


def _search(
    found: _Found,
    component: dict[str, Any],
    path: KeyPath,
    taken: Collection[str],
    source: Mapping[str, Any] | None = None,
) -> None:
    """Adds what can be searched in a component, and in the components that are its arguments.

    Args:
        found: where to.
        component: the component.
        path: where it is in the study file.
        taken: the arguments that it gets when it is built.
        source: the data module that may have what it needs.
    """
    target = resolve(component["class_path"])
    takes = taken_by(target)
    given: Mapping[str, Any] = dict(component.get("init_args") or {})
    taken = {*taken, "func"} if target is partial else taken  # what it calls gets the rest later
    is_optimizer = path == ("optimizer",) or has_base(target, "Optimizer")
    of_kwargs = dict.fromkeys([*read_from_rest(target), *given], Any)
    for name, hint in {**of_kwargs, **takes.hints}.items():
        if name in taken or (is_optimizer and name not in {*given, "lr"}):
            continue
        here = (*path, "init_args", name)
        of_trainer = name in found.of_trainer and len(path) == 1 and name not in given
        there = None if name in {**takes.defaults, **given} else attribute_for(source, name, hint)
        if not (name in takes.defaults or of_trainer or there):
            given = _with_parsed(found, component, here, hint)
        known = {**takes.defaults, **given}
        if inner := component_in(known.get(name), hint):
            if not has_base(resolve(inner["class_path"]), "LRScheduler"):
                put(component, here[len(path) :], inner)
                _search(found, inner, here, {"params"}, source)
            continue
        if _search_settings(found, component, here, hint, takes.defaults):
            continue
        searched = _searchable_of(here, hint, known, [*takes.hints])
        argument = _same_as("trainer", here, known) if of_trainer else searched
        if is_expression(known.get(name)) or (name_of(here) in found.fixed and name in known):
            continue
        if argument is not None and not there:
            found.arguments.append(argument)
        elif there:
            put(component, ("from_data", name), there)
        elif name not in known:
            _ask(found, target, here, hint, source)
        elif len(path) == 1 and name not in given and known[name] != () and is_plain(known[name]):
            found.idle.setdefault(str(path[0]), {})[name] = known[name]


def _ask(
    found: _Found, owner: Any, path: KeyPath, hint: Any, source: Mapping[str, Any] | None
) -> None:
    """Adds an argument that has no value: an object may be an attribute of the data module."""
    *component, _, name = path
    if is_object(str(name), hint) and kept_by(source):
        found.ask(name_of((*component, "from_data", name)), ATTRIBUTE)
    else:
        found.ask(name_of(path), names_in(owner, str(name), hint))


def _with_parsed(
    found: _Found, component: dict[str, Any], path: KeyPath, hint: Any
) -> Mapping[str, Any]:
    """Returns a component's arguments, once it has what its class's parser has for one of them."""
    target, name = resolve(component["class_path"]), str(path[-1])
    given = component.get("init_args") or {}
    parsed = defaults_of_parser(target)
    if name in parsed:
        put(component, ("init_args", name), given.get(name, parsed[name]))
    elif parsed and are_settings(name, hint) and isinstance(given.get(name, {}), Mapping):
        settings = {**parsed, **given.get(name, {})}
        put(component, ("init_args", name), settings)
        if (wanted := names_in(target, name, hint, settings)) != "VALUE":
            found.ask(name_of(path), wanted)
    return component.get("init_args") or {}


def _search_settings(
    found: _Found,
    component: dict[str, Any],
    path: KeyPath,
    hint: Any,
    defaults: Mapping[str, Any],
) -> bool:
    """Adds what can be searched in an argument that holds settings; returns whether it does.

    Args:
        found: where to.
        component: the component that takes the argument.
        path: where the argument is in the study file.
        hint: its type.
        defaults: those of the component's arguments.
    """
    *owner, name = path
    given = component.get("init_args") or {}
    made = None if name in defaults else defaults_of(hint, given.get(name))
    if made is not None:
        put(component, ("init_args", name), made)
        given = {**given, name: made}
    settings = settings_of(defaults.get(str(name)), given.get(name))
    if not settings:
        return made is not None
    inside = _searchable_in(settings, path, hint, found.fixed)
    found.arguments += inside
    if inside:
        put(component, ("init_args", name), settings)
    elif len(owner) == 2 and name not in given:
        found.idle.setdefault(str(owner[0]), {})[str(name)] = settings
    return True


def _searchable_in(
    settings: Mapping[str, Any], path: KeyPath, hint: Any, fixed: Collection[str]
) -> list[Searchable]:
    """Returns what can be searched among an argument's settings, and among those inside them."""
    arguments: list[Searchable] = []
    hints = hints_of(hint)
    for name, value in settings.items():
        here, kind = (*path, name), hints.get(name, Any)
        if isinstance(value, Mapping):
            arguments += _searchable_in(value, here, kind, fixed)
        elif name_of(here) not in fixed and not is_expression(value):
            argument = _searchable_of(here, kind, settings, [*settings])
            arguments += [argument] if argument else []
    return arguments


def _searchable_of(
    path: KeyPath, hint: Any, known: Mapping[str, Any], beside: Sequence[str]
) -> Searchable | None:
    section, name = str(path[0]), str(path[-1])
    options = _options(hint)
    habitual = section != "data" or is_batch_size(name) or bool(options)
    if section == "optimizer" and not known.get(name):
        habitual = False
    if not habitual or is_off(name, known.get(name, ...)):
        return None
    if not _may_be_number(hint, known.get(name)):
        return None
    others = [other for other in beside if other != name]
    default = plain(known.get(name))
    if type(default) is int and float in options_of(hint):
        default = float(default)
    text = choice(options) if options else habit(name, default, others)
    return None if text is None else Searchable(path, text, default, name not in known)


def _may_be_number(hint: Any, value: Any) -> bool:
    """Returns whether an argument is a number, a list of them, or may be a number or an option."""
    numeric = any(kind is each for kind in options_of(hint) for each in (Any, int, float))
    return value is not None or numeric or bool(_options(hint))


def _same_as(section: str, path: KeyPath, known: Mapping[str, Any]) -> Searchable:
    name = str(path[-1])
    return Searchable(path, f"~ref({section}.{name})", plain(known.get(name)), name not in known)


def _options(hint: Any) -> list[Any]:
    """Returns the values that a type hint lists, if there are several and it allows no others."""
    found: list[Any] = []
    for option in options_of(hint):
        if get_origin(option) is Literal:
            found += get_args(option)
        elif isinstance(option, type) and issubclass(option, Enum):
            found += option.__members__
        elif option is not type(None):
            return []
    return found if len(found) > 1 else []


def put(tree: dict[str, Any], path: KeyPath, value: Any) -> None:
    """Sets the value at a path, whose owners are made where they are missing."""
    *owners, name = path
    for owner in owners:
        tree[str(owner)] = tree = dict(tree.get(str(owner)) or {})
    tree[str(name)] = value
