"""The space a study searches: its parameters by name, and how a configuration is drawn from it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hpsearch.protocol.types import Scalar
from hpsearch.studyfile.diagnostics import InvalidValueError, did_you_mean
from hpsearch.studyfile.distributions import Choice, Distribution, check_values
from hpsearch.studyfile.document import CHOICE, KeyPath, name_of
from hpsearch.studyfile.expressions import is_expression, parse_expression, unescape

Suggest = Callable[[str, Distribution], Scalar]


@dataclass(frozen=True)
class CornerConfig:
    """One configuration at the edge of the space.

    Attributes:
        params: the values chosen, by parameter.
        config: the sections, filled in.
        origins: where in the sections each part of `config` is written.
    """

    params: Mapping[str, Scalar]
    config: dict[str, Any]
    origins: Mapping[KeyPath, KeyPath]


class Space:
    """What the marks of a study file's sections span.

    A mark that breaks a rule spans nothing: it is filled in as None.

    Args:
        sections: the sections by name (`model`, `data`, ...), with their marks.

    Attributes:
        problems: path and message of each mark that breaks a rule.
    """

    def __init__(self, sections: Mapping[str, Any]) -> None:
        compiler = _Compiler()
        self._root = compiler.compile(dict(sections), ())
        self.problems: tuple[tuple[KeyPath, str], ...] = tuple(compiler.problems)
        self._parameters = compiler.parameters
        self._branchings = compiler.branch_parameters

    @property
    def parameters(self) -> dict[str, Distribution]:
        """Every parameter of every branch, by name; the choice of a branch is one too."""
        return dict(self._parameters)

    @property
    def branch_parameters(self) -> tuple[str, ...]:
        """The parameters that choose a branch."""
        return tuple(name for name in self._parameters if name in self._branchings)

    @property
    def flat(self) -> bool:
        """Whether there are no branches: every configuration has every parameter."""
        return not self._branchings

    def size(self) -> float:
        """Returns how many configurations there are; infinite for a range without steps."""
        return _size(self._root)

    def sample(self, suggest: Suggest) -> dict[str, Any]:
        """Returns the sections with every parameter filled in.

        Args:
            suggest: gives a parameter's value, from its name and distribution; asked only for
                the parameters of the branches taken, a branch before what is in it.
        """
        config: dict[str, Any] = _fill(self._root, suggest, (), (), {})
        return config

    def corners(self) -> list[CornerConfig]:
        """Returns a few configurations that visit each branch, each option and both range ends."""
        return self._tour(self._parameters)

    def branches(self) -> list[dict[str, str]]:
        """Returns a few assignments of branches, by parameter, that together take each branch.

        A space without branches has one, which is empty.
        """
        tours = self._tour({name: self._parameters[name] for name in self._branchings})
        return [
            {name: str(value) for name, value in corner.params.items() if name in self._branchings}
            for corner in tours
        ]

    def parameters_of(self, branch: Mapping[str, str]) -> dict[str, Distribution]:
        """Returns the parameters that are asked for once these branches are taken."""
        asked: dict[str, Distribution] = {}

        def suggest(name: str, distribution: Distribution) -> Scalar:
            if name in branch:
                return branch[name]
            asked[name] = distribution
            return check_values(distribution)[0]

        self.sample(suggest)
        return asked

    def _tour(self, targets: Mapping[str, Distribution]) -> list[CornerConfig]:
        unseen = {name: list(check_values(distribution)) for name, distribution in targets.items()}
        corners = [self._corner(unseen)]
        while any(unseen.values()):
            corners.append(self._corner(unseen))
        return corners

    def _corner(self, unseen: dict[str, list[Scalar]]) -> CornerConfig:
        params: dict[str, Scalar] = {}
        origins: dict[KeyPath, KeyPath] = {}

        def suggest(name: str, distribution: Distribution) -> Scalar:
            left = unseen.get(name, [])
            ways = [*left, *(value for value in check_values(distribution) if value not in left)]
            if name in self._branchings and not left:
                ways.sort(key=lambda way: not _leads_to_unseen(f"{name}.{way}", unseen))
            value = params[name] = ways[0]
            if value in left:
                left.remove(value)
            return value

        config = _fill(self._root, suggest, (), (), origins)
        return CornerConfig(params, config, origins)


def _leads_to_unseen(branch: str, unseen: Mapping[str, list[Scalar]]) -> bool:
    return any(values and f"{name}.".startswith(f"{branch}.") for name, values in unseen.items())


@dataclass(frozen=True)
class _Parameter:
    name: str
    distribution: Distribution


@dataclass(frozen=True)
class _Branches:
    name: str
    options: dict[str, Any]


def _fill(
    node: Any, suggest: Suggest, path: KeyPath, origin: KeyPath, origins: dict[KeyPath, KeyPath]
) -> Any:
    origins[path] = origin
    match node:
        case _Parameter(name, distribution):
            return suggest(name, distribution)
        case _Branches(name, options):
            taken = str(suggest(name, Choice(tuple(options))))
            return _fill(options[taken], suggest, path, (*origin, CHOICE, taken), origins)
        case dict():
            return {
                key: _fill(child, suggest, (*path, key), (*origin, key), origins)
                for key, child in node.items()
            }
        case list():
            return [
                _fill(child, suggest, (*path, index), (*origin, index), origins)
                for index, child in enumerate(node)
            ]
    return node


def _size(node: Any) -> float:
    match node:
        case _Parameter(_, distribution):
            return distribution.size()
        case _Branches(_, options):
            return sum(_size(option) for option in options.values())
        case dict():
            return math.prod(_size(child) for child in node.values())
        case list():
            return math.prod(_size(child) for child in node)
    return 1


class _Compiler:
    """Turns sections into a tree whose leaves are parameters and plain values."""

    def __init__(self) -> None:
        self.parameters: dict[str, Distribution] = {}
        self.branch_parameters: set[str] = set()
        self.problems: list[tuple[KeyPath, str]] = []

    def compile(self, tree: Any, path: KeyPath) -> Any:
        if isinstance(tree, list):
            return [self.compile(item, (*path, index)) for index, item in enumerate(tree)]
        if isinstance(tree, dict):
            return self._mapping(tree, path)
        return self._parameter(tree, path) if is_expression(tree) else unescape(tree)

    def _parameter(self, mark: str, path: KeyPath) -> Any:
        try:
            distribution = parse_expression(mark)
        except InvalidValueError as error:
            self.problems.append((path, str(error)))
            return None
        known = self._register(path, distribution)
        return _Parameter(name_of(path), distribution) if known else None

    def _mapping(self, tree: dict[str, Any], path: KeyPath) -> Any:
        if CHOICE in tree:
            return self._branches(tree, path)
        for key in tree:
            if key.startswith("~"):
                meant = did_you_mean(key, [CHOICE])
                self.problems.append(((*path, key), f"there is no key '{key}:'{meant}"))
        return {key: self.compile(child, (*path, key)) for key, child in tree.items()}

    def _branches(self, tree: dict[str, Any], path: KeyPath) -> Any:
        options = tree[CHOICE]
        inside = (*path, CHOICE)
        if len(tree) > 1:
            beside = ", ".join(f"'{key}'" for key in tree if key != CHOICE)
            problem = (
                f"'{CHOICE}:' must be the only key of its mapping; move {beside} into a branch"
            )
            self.problems.append((inside, problem))
        if not isinstance(options, dict) or len(options) < 2:
            form = f"'{CHOICE}:' needs a mapping of two or more named branches"
            self.problems.append((inside, f"{form}; list plain values as ~choice(a, b)"))
        if not isinstance(options, dict) or not options:
            return None
        for name in options:
            if not re.fullmatch(r"\w[\w-]*", name) or name == "init_args":
                problem = f"a branch cannot be named '{name}'; use letters, digits, _ and -"
                self.problems.append(((*inside, name), problem))
        if not self._register(path, Choice(tuple(options))):
            return None
        self.branch_parameters.add(name_of(path))
        return _Branches(
            name_of(path),
            {name: self.compile(branch, (*inside, name)) for name, branch in options.items()},
        )

    def _register(self, path: KeyPath, distribution: Distribution) -> bool:
        """Enters a parameter under its name, unless the name is taken."""
        name = name_of(path)
        if name in self.parameters:
            self.problems.append((path, f"two parameters are named {name}; rename one of them"))
            return False
        self.parameters[name] = distribution
        return True
