"""Values derived from others: `~ref(...)`, `~expr(...)` and anchors on searched values."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Mapping
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from hpsearch.studyfile.diagnostics import InvalidValueError
from hpsearch.studyfile.document import CHOICE, KeyPath, name_of, without_branches
from hpsearch.studyfile.expressions import is_expression
from hpsearch.studyfile.formulas import Formula, FormulaError, parse_formula

if TYPE_CHECKING:
    import yaml

_LINK = re.compile(r"~(ref|expr)\s*\((.*)\)\s*", re.DOTALL)
_NAME = re.compile(r"[\w-]+(\.[\w-]+)*")


class InfeasibleError(ValueError):
    """A link has no value in a configuration, or a constraint does not hold for it.

    Args:
        path: where the link is; empty for a constraint.
        message: what is wrong.
        absent: the name in it that is in another branch; empty if none is.
    """

    def __init__(self, path: KeyPath, message: str, absent: str = "") -> None:
        super().__init__(f"{name_of(path)}: {message}" if path else message)
        self.path, self.message, self.absent = path, message, absent


def parse_link(expression: str) -> Formula | None:
    """Returns the formula of a `~ref(...)` or an `~expr(...)`; None for any other expression.

    Raises:
        InvalidValueError: the text in the parentheses is not a name, or not a formula.
    """
    match = _LINK.fullmatch(expression)
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
            # A name alone means everything at that place, not the name of the chosen branch.
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
        params: the searched values by name; one that chooses a branch has the branch's name.
        waiting: places without a value so far.
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


class Anchors:
    """Turns each further use of an aliased node into a `~ref` to one of its places.

    Without it, one anchor would stand for two parameters. Places in branches that exclude each
    other are never in one configuration: they stay two parameters.
    """

    def __init__(self) -> None:
        self._first: dict[int, KeyPath] = {}
        self._late: dict[KeyPath, str] = {}

    def link(self, node: yaml.Node, path: KeyPath) -> str | None:
        """Returns what to write at a path instead of a node; None for the node itself."""
        first = self._first.setdefault(id(node), path)
        if first == path or len(path) < 2 or path[0] == "study" or not _is_searched(node):
            return None
        here, there = _branches_of(path), _branches_of(first)
        if there <= here:
            return _ref(first)
        if here < there and (link := _ref(path)):
            self._late[first] = link
            self._first[id(node)] = path
        return None

    def resolve(self, tree: Any) -> Any:
        """Returns the data with references resolved whose target was read later."""
        for path, link in self._late.items():
            parent = tree
            for part in path[:-1]:
                parent = parent[part]
            parent[path[-1]] = link
        return tree


def _branches_of(path: KeyPath) -> set[KeyPath]:
    """Returns the branches that a path leads through."""
    return {path[: index + 2] for index, part in enumerate(path) if part == CHOICE}


def _ref(path: KeyPath) -> str | None:
    name = name_of(without_branches(path))
    return f"~ref({name})" if re.fullmatch(r"[\w.-]+", name) else None


def _is_searched(root: yaml.Node) -> bool:
    """Returns whether a value in a node is searched."""
    nodes, seen = [root], set()
    while nodes:
        node = nodes.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if not isinstance(node.value, str):
            for part in node.value:
                nodes += part if isinstance(part, tuple) else (part,)
        elif is_expression(node.value) and node.tag == "tag:yaml.org,2002:str":
            return True
    return False
