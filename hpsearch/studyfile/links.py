"""Values that follow from others, `~ref(...)` and `~expr(...)`, once all else is filled in."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Mapping
from copy import deepcopy
from typing import Any

from hpsearch.studyfile.diagnostics import InvalidValueError
from hpsearch.studyfile.document import KeyPath, name_of
from hpsearch.studyfile.formulas import Formula, FormulaError, parse_formula

_LINK = re.compile(r"~(ref|expr)\s*\((.*)\)\s*", re.DOTALL)
_NAME = re.compile(r"[\w-]+(\.[\w-]+)*")


class InfeasibleError(ValueError):
    """A link has no value in a configuration, or a constraint does not hold of it.

    Args:
        path: where the link is; empty for a constraint.
        message: what is wrong.
        absent: the name in it that is in another branch; empty if all are there.
    """

    def __init__(self, path: KeyPath, message: str, absent: str = "") -> None:
        super().__init__(f"{name_of(path)}: {message}" if path else message)
        self.path, self.absent = path, absent


def parse_link(mark: str) -> Formula | None:
    """Returns the formula of a `~ref(...)` or an `~expr(...)`; None for any other mark.

    Raises:
        InvalidValueError: what stands in the parentheses is not a name, or not a formula.
    """
    match = _LINK.fullmatch(mark)
    if match is None:
        return None
    kind, inside = match.group(1), match.group(2).strip()
    if kind == "expr":
        return parse_formula(inside)
    if not _NAME.fullmatch(inside):
        raise InvalidValueError(f"~ref takes one name, as in ~ref(data.batch_size), not {inside!r}")
    return Formula(inside, (inside,), ast.Name("_0"))


def work_out(config: Any, params: Mapping[str, Any], links: Mapping[KeyPath, Formula]) -> Any:
    """Returns the configuration with every link replaced by its value.

    Args:
        config: the configuration, with None where there are links.
        params: the searched values by name.
        links: the formula at each place.

    Raises:
        InfeasibleError: a link has no value here.
    """
    waiting = dict(links)
    while waiting:
        values = values_of(config, params, waiting)
        ready = [path for path, link in waiting.items() if {*link.names} <= values.keys()]
        if not ready:
            path, link = next(iter(waiting.items()))
            absent = next(name for name in link.names if name not in values)
            raise InfeasibleError(path, f"{absent} has no value here", absent)
        for path in ready:
            link = waiting.pop(path)
            # A name alone stands for all that is there, and not for the branch that was chosen.
            known = _named_parts(config) if link.text in values else values
            try:
                value = deepcopy(link.value({**values, **known}))
            except FormulaError as error:
                raise InfeasibleError(path, str(error)) from None
            config = _with_value(config, path, value)
    return config


def values_of(
    config: Any, params: Mapping[str, Any], waiting: Collection[KeyPath] = ()
) -> dict[str, Any]:
    """Returns every value of a configuration, and what holds values, by its dotted name.

    Args:
        config: the configuration.
        params: the searched values by name; one that chooses a branch stands for its name.
        waiting: places that have no value yet.
    """
    unknown = {name_of(path[:length]) for path in waiting for length in range(len(path) + 1)}
    parts = _named_parts(config)
    branches = {name: value for name, value in params.items() if isinstance(parts.get(name), dict)}
    known = {**params, **parts, **branches}
    return {name: value for name, value in known.items() if name not in unknown or name in params}


def _named_parts(config: Any) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    for path, part in _parts(config, ()):
        parts.setdefault(name_of(path), part)  # of a component and its arguments, the component
    return parts


def _parts(config: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    yield path, config
    if isinstance(config, dict):
        for key, part in config.items():
            yield from _parts(part, (*path, key))
    elif isinstance(config, list):
        for index, part in enumerate(config):
            yield from _parts(part, (*path, index))


def _with_value(config: Any, path: KeyPath, value: Any) -> Any:
    if not path:
        return value
    first, *rest = path
    items = dict(config) if isinstance(config, dict) else dict(enumerate(config))
    items[first] = _with_value(items[first], tuple(rest), value)
    return items if isinstance(config, dict) else [*items.values()]
