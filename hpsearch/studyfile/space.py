"""The space a study searches: its parameters by name, and how a configuration is drawn from it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hpsearch.protocol.types import Scalar
from hpsearch.studyfile.compile import Branches, Compiler, Parameter
from hpsearch.studyfile.distributions import Choice, Distribution, check_values
from hpsearch.studyfile.document import CHOICE, KeyPath
from hpsearch.studyfile.formulas import Formula, FormulaError
from hpsearch.studyfile.links import InfeasibleError, values_of, work_out

Suggest = Callable[[str, Distribution], Scalar]


@dataclass(frozen=True)
class CornerConfig:
    """One configuration at the edge of the space.

    Attributes:
        params: the values chosen, by parameter.
        config: the sections, filled in.
        origins: where in the sections each part of `config` is written.
        error: why it cannot be filled in; None if it is.
    """

    params: Mapping[str, Scalar]
    config: dict[str, Any]
    origins: Mapping[KeyPath, KeyPath]
    error: InfeasibleError | None = None


class Space:
    """The space that the expressions of a study file's sections define.

    An expression that breaks a rule defines nothing: it is filled in as None.

    Args:
        sections: the sections by name (`model`, `data`, ...), with their expressions.
        constraints: formulas that must hold for a configuration.

    Attributes:
        errors: path and message of each expression that breaks a rule.
    """

    def __init__(self, sections: Mapping[str, Any], constraints: Sequence[str] = ()) -> None:
        compiler = Compiler()
        self._root = compiler.compile(dict(sections), ())
        places: list[KeyPath] = [("study", "constraints", i) for i in range(len(constraints))]
        compiler.finish([*zip(places, constraints, strict=True)])
        self._parameters = compiler.parameters
        self._choosing = compiler.branch_parameters
        self._constraints = tuple(compiler.constraints)
        self.errors: tuple[tuple[KeyPath, str], ...] = tuple(compiler.errors)
        if compiler.links and not self.errors:
            self.errors = tuple(self._dangling())
        if places and not self.errors:
            self.errors = tuple(self._meaningless(places))

    @property
    def parameters(self) -> dict[str, Distribution]:
        """Every parameter of every branch, by name, including the choices of branches."""
        return dict(self._parameters)

    @property
    def branch_parameters(self) -> tuple[str, ...]:
        """The parameters that choose a branch."""
        return tuple(name for name in self._parameters if name in self._choosing)

    @property
    def flat(self) -> bool:
        """Whether there are no branches: every configuration has every parameter."""
        return not self._choosing

    def size(self) -> float:
        """Returns how many configurations there are; infinite for a range without steps."""
        return _size(self._root, self._parameters)

    def sample(self, suggest: Suggest) -> dict[str, Any]:
        """Returns the sections with every parameter filled in and every link resolved.

        Args:
            suggest: gives a parameter's value, from its name and distribution; called only for the
                parameters of the branches taken, for a branch before those in it.

        Raises:
            InfeasibleError: a constraint does not hold, or a link has no value.
        """
        config, params = self._draw(suggest, {})
        if message := self.violation(config, params):
            raise InfeasibleError((), message)
        return config

    def violation(self, config: Mapping[str, Any], params: Mapping[str, Scalar]) -> str:
        """Returns which constraint does not hold for a configuration; empty if all do.

        A constraint on values of a branch that is not taken holds.
        """
        if not self._constraints:
            return ""
        values = values_of(config, params)
        for formula in self._constraints:
            if not {*formula.names} <= values.keys():
                continue
            try:
                if formula.value(values):
                    continue
            except FormulaError as error:
                return str(error)
            said = ", ".join(f"{name} is {values[name]!r}" for name in formula.names)
            return f"{formula.text} does not hold: {said}"
        return ""

    def corners(self) -> list[CornerConfig]:
        """Returns a few configurations that visit each branch, each option and both range ends.

        Configurations in which a link has no value are left out; constraints need not hold.
        """
        tour = self._tour(self._parameters)
        return [visit for visit in tour if visit.error is None]

    def branches(self) -> list[dict[str, str]]:
        """Returns a few assignments of branches, by parameter, that together take every branch.

        A space without branches has one assignment, which is empty.
        """
        tours = self._tour({name: self._parameters[name] for name in self._choosing})
        return [
            {name: str(value) for name, value in visit.params.items() if name in self._choosing}
            for visit in tours
        ]

    def _tour(self, targets: Mapping[str, Distribution]) -> list[CornerConfig]:
        unseen = {name: list(check_values(distribution)) for name, distribution in targets.items()}
        visits = [self._visit(unseen)]
        while (left := sum(map(len, unseen.values()))) > 0:
            visits.append(self._visit(unseen))
            if sum(map(len, unseen.values())) == left:  # the rest cannot be reached
                break
        return visits

    def _visit(self, unseen: dict[str, list[Scalar]]) -> CornerConfig:
        params: dict[str, Scalar] = {}
        origins: dict[KeyPath, KeyPath] = {}

        def suggest(name: str, distribution: Distribution) -> Scalar:
            left = unseen.get(name, [])
            ways = [*left, *(value for value in check_values(distribution) if value not in left)]
            if name in self._choosing and not left:
                ways.sort(key=lambda way: not _leads_to_unseen(f"{name}.{way}", unseen))
            value = params[name] = ways[0]
            if value in left:
                left.remove(value)
            return value

        try:
            return CornerConfig(params, self._draw(suggest, origins)[0], origins)
        except InfeasibleError as error:
            return CornerConfig(params, {}, origins, error)

    def _draw(
        self, suggest: Suggest, origins: dict[KeyPath, KeyPath]
    ) -> tuple[dict[str, Any], dict[str, Scalar]]:
        params: dict[str, Scalar] = {}
        links: dict[KeyPath, Formula] = {}

        def ask(name: str) -> Any:
            if name not in self._parameters:  # its expression breaks a rule
                return None
            distribution = self._parameters[name]
            params[name] = suggest(name, distribution)
            if isinstance(distribution, Choice):
                return distribution.value_of(params[name])
            return params[name]

        def draw(node: Any, path: KeyPath, origin: KeyPath) -> Any:
            origins[path] = origin
            match node:
                case Parameter(name):
                    return ask(name)
                case Formula():
                    links[path] = node
                    return None
                case Branches(name, options):
                    taken = str(ask(name))
                    return draw(options[taken], path, (*origin, CHOICE, taken))
                case dict():
                    items = node.items()
                    return {key: draw(part, (*path, key), (*origin, key)) for key, part in items}
                case list():
                    parts = enumerate(node)
                    return [draw(part, (*path, i), (*origin, i)) for i, part in parts]
            return node

        config = draw(self._root, (), ())
        return (work_out(config, params, links) if links else config), params

    def _dangling(self) -> Iterator[tuple[KeyPath, str]]:
        """Yields the links that have no value in some branch, or in no setting at all."""
        visits = self._tour(self._parameters)
        failed = [(visit.origins, visit.error) for visit in visits if visit.error]
        places = {origins[error.path]: error for origins, error in failed}
        for path, error in places.items():
            if error.absent:
                yield (
                    path,
                    f"{error.absent} is missing in some of the branches that have this value",
                )
            elif len(failed) == len(visits):
                yield path, error.message

    def _meaningless(self, places: Sequence[KeyPath]) -> Iterator[tuple[KeyPath, str]]:
        """Yields the constraints that cannot be evaluated in any setting."""
        visits = [visit for visit in self.corners() if visit.config]
        values = [values_of(visit.config, visit.params) for visit in visits]
        for path, formula in zip(places, self._constraints[-len(places) :], strict=True):
            errors = []
            for known in (each for each in values if {*formula.names} <= each.keys()):
                try:
                    formula.value(known)
                    break
                except FormulaError as error:
                    if "by zero" in str(error):  # in other branches it may be valid
                        break
                    errors.append(str(error))
            else:
                yield from ((path, message) for message in errors[:1])


def _leads_to_unseen(branch: str, unseen: Mapping[str, list[Scalar]]) -> bool:
    return any(values and f"{name}.".startswith(f"{branch}.") for name, values in unseen.items())


def _size(node: Any, parameters: Mapping[str, Distribution]) -> float:
    match node:
        case Parameter(name):
            return parameters[name].size() if name in parameters else 1
        case Branches(_, options):
            return sum(_size(option, parameters) for option in options.values())
        case dict():
            return math.prod(_size(child, parameters) for child in node.values())
        case list():
            return math.prod(_size(child, parameters) for child in node)
    return 1
