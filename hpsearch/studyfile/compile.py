"""Compiles the sections of a study file into a tree of values, parameters, branches and links."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from hpsearch.studyfile.diagnostics import InvalidValueError, did_you_mean
from hpsearch.studyfile.distributions import Choice, Distribution
from hpsearch.studyfile.document import CHOICE, KeyPath, is_within, name_of, without_branches
from hpsearch.studyfile.expressions import bounds_of, is_expression, parse_expression, unescape
from hpsearch.studyfile.formulas import Formula, parse_formula
from hpsearch.studyfile.links import parse_link
from hpsearch.studyfile.slips import MODEL_SIZES

_OF_A_COMPONENT = ("class_path", "init_args", "dict_kwargs")


@dataclass(frozen=True)
class Parameter:
    """A place whose value is searched."""

    name: str


@dataclass(frozen=True)
class Branches:
    """A place that takes one of several branches."""

    name: str
    options: dict[str, Any]


class Compiler:
    """Compiles the sections of a study file.

    Attributes:
        parameters: every parameter, by name, in the file's order.
        branch_parameters: the names of those that choose a branch.
        links: the place of each link, as written, and its formula.
        constraints: formulas that must hold for a configuration.
        errors: path and message of each value that breaks a rule.
    """

    def __init__(self) -> None:
        self.parameters: dict[str, Distribution] = {}
        self.branch_parameters: set[str] = set()
        self.links: dict[KeyPath, Formula] = {}
        self.constraints: list[Formula] = []
        self.errors: list[tuple[KeyPath, str]] = []
        self._names: set[str] = set()
        self._numbers: dict[str, float] = {}
        self._open: dict[str, tuple[KeyPath, str, dict[str, str]]] = {}

    def compile(self, tree: Any, path: KeyPath) -> Any:
        """Compiles the value at a path."""
        name = name_of(without_branches(path))
        self._names |= {name, name_of(path)}
        if isinstance(tree, list):
            return [self.compile(item, (*path, index)) for index, item in enumerate(tree)]
        if isinstance(tree, dict):
            return self._mapping(tree, path)
        if is_expression(tree):
            return self._searched(tree, path)
        if isinstance(tree, int | float) and not isinstance(tree, bool):
            self._numbers[name] = tree
        return unescape(tree)

    def finish(self, constraints: Sequence[tuple[KeyPath, str]]) -> None:
        """Resolves what needs the whole file: ranges that end at other values, links, constraints.

        Args:
            constraints: formulas that must hold for a configuration, with the place of each.
        """
        self._bound_ranges()
        formulas = dict(self.links)
        for path, text in constraints:
            try:
                formulas[path] = parse_formula(text)
            except InvalidValueError as error:
                self.errors.append((path, str(error)))
                continue
            self.constraints.append(formulas[path])
        for path, formula in formulas.items():
            for absent in sorted({*formula.names} - self._names):
                meant = did_you_mean(absent, self._names - {""})
                if absent.startswith("study."):
                    meant = "; only values outside study: can be named"
                elif path[:2] == ("study", "constraints") and absent in MODEL_SIZES:
                    meant = "; of a model's size write study.max_parameters: 100000"
                self.errors.append((path, f"there is no value '{absent}' in the file{meant}"))
        self._refuse_circles()

    def _refuse_circles(self) -> None:
        """Reports the links whose value depends on itself; not those in branches."""
        waiting = {name_of(path): link for path, link in self.links.items() if CHOICE not in path}
        while ready := [name for name, link in waiting.items() if not _needs(link, waiting)]:
            for name in ready:
                del waiting[name]
        for path, link in self.links.items():
            if (name := name_of(path)) in waiting and CHOICE not in path:
                others = sorted(_needs(link, waiting) - {name})
                way = f", by way of {' and '.join(others)}" if others else ""
                self.errors.append((path, f"its value depends on itself{way}; write a value here"))

    def _searched(self, expression: str, path: KeyPath) -> Any:
        try:
            if link := parse_link(expression):
                self.links[path] = link
                return link
            bounds = bounds_of(expression)
            distribution = Choice(()) if bounds else parse_expression(expression)
        except InvalidValueError as error:
            self.errors.append((path, str(error)))
            return None
        if not self._register(path, distribution):
            return None
        if bounds:
            self._open[name_of(path)] = path, expression, bounds
        return Parameter(name_of(path))

    def _mapping(self, tree: dict[str, Any], path: KeyPath) -> Any:
        if CHOICE in tree:
            return self._branches(tree, path)
        for key in tree:
            if key.startswith("~"):
                meant = did_you_mean(key, [CHOICE])
                self.errors.append(((*path, key), f"there is no key '{key}:'{meant}"))
        return {key: self.compile(child, (*path, key)) for key, child in tree.items()}

    def _branches(self, tree: dict[str, Any], path: KeyPath) -> Any:
        options = tree[CHOICE]
        inside = (*path, CHOICE)
        if len(tree) > 1:
            beside = ", ".join(f"'{key}'" for key in tree if key != CHOICE)
            message = (
                f"'{CHOICE}:' must be the only key of its mapping; move {beside} into a branch"
            )
            self.errors.append((inside, message))
        if not isinstance(options, dict) or len(options) < 2:
            form = f"'{CHOICE}:' needs a mapping of two or more named branches"
            self.errors.append((inside, f"{form}; list plain values as ~choice(a, b)"))
        if not isinstance(options, dict) or not options:
            return None
        if any(name in _OF_A_COMPONENT for name in options):
            message = "each branch needs a name: put a word such as 'one:' above class_path"
            self.errors.append((inside, message))
            return None
        for name in options:
            if not re.fullmatch(r"\w[\w-]*", name):
                message = f"a branch cannot be named '{name}'; use letters, digits, _ and -"
                self.errors.append(((*inside, name), message))
        if not self._register(path, Choice(tuple(options))):
            return None
        self.branch_parameters.add(name_of(path))
        return Branches(
            name_of(path),
            {name: self.compile(branch, (*inside, name)) for name, branch in options.items()},
        )

    def _register(self, path: KeyPath, distribution: Distribution) -> bool:
        """Adds a parameter under its name, unless the name is taken."""
        name = name_of(path)
        if name in self.parameters:
            self.errors.append((path, f"two parameters are named {name}; rename one of them"))
            return False
        self.parameters[name] = distribution
        return True

    def _bound_ranges(self) -> None:
        """Bounds each range that ends at another value, and adds a constraint."""
        while self._open:
            before = len(self._open)
            for name, (path, expression, bounds) in list(self._open.items()):
                if not self._open.keys() & set(bounds.values()):
                    del self._open[name]
                    self._bound(name, path, expression, bounds)
            if len(self._open) == before:
                for name, (path, _, _) in self._open.items():
                    del self.parameters[name]
                    self.errors.append((path, "this range and another one depend on each other"))
                return

    def _bound(self, name: str, path: KeyPath, expression: str, bounds: dict[str, str]) -> None:
        try:
            for end, other in bounds.items():
                expression = re.sub(
                    rf"(?<![\w.]){re.escape(other)}(?![\w.])", self._end(end, other), expression
                )
            self.parameters[name] = parse_expression(expression)
        except InvalidValueError as error:
            del self.parameters[name]
            self.errors.append((path, str(error)))
            return
        for end, other in bounds.items():
            sign = ">=" if end == "low" else "<="
            tree = ast.parse(f"_0 {sign} _1", mode="eval").body
            self.constraints.append(Formula(f"{name} {sign} {other}", (name, other), tree))

    def _end(self, end: str, other: str) -> str:
        """Returns the smallest or largest value that a range may begin or end at."""
        found = self.parameters.get(other)
        bounds = (self._numbers.get(other),) * 2 if found is None else found.bounds()
        number = bounds[0] if end == "low" else bounds[1]
        if isinstance(number, bool) or not isinstance(number, int | float):
            meant = did_you_mean(other, [*self.parameters, *self._numbers])
            rule = f"a range can only {'begin' if end == 'low' else 'end'} at a number"
            raise InvalidValueError(f"{rule} or a range, and {other} is neither{meant}")
        return repr(number)


def _needs(link: Formula, names: Iterable[str]) -> set[str]:
    """Returns which of some values a link needs: those it names, and those inside or around."""
    return {
        name
        for name in names
        if any(is_within(name, part) or is_within(part, name) for part in link.names)
    }
