"""The settings that a check tries: each branch of a space with its smallest and largest values."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from hpsearch.errors import InputError
from hpsearch.protocol.types import Scalar
from hpsearch.studyfile.distributions import Distribution
from hpsearch.studyfile.links import InfeasibleError
from hpsearch.studyfile.space import Space

Bound = Literal["smallest", "middle", "largest", "fixed"]
TRIES = 2000


@dataclass(frozen=True)
class Extreme:
    """One branch with every range at one of its bounds, or at its middle; `fixed` if it has none.

    Attributes:
        branch: the choices that make the branch, as `model=cnn optimizer=adam`; empty if the
            space has no branches.
        params: the values, by parameter.
        config: the study file's sections, filled in.
    """

    branch: str
    bound: Bound
    params: Mapping[str, Scalar]
    config: Mapping[str, Any]


def extreme_configs(space: Space) -> list[Extreme]:
    """Returns each branch at both bounds: for options that are not numbers, the first and last.

    A branch in which nothing is searched has one setting.
    """
    found: list[Extreme] = []
    for branch, largest in zip(space.branches(), largest_configs(space), strict=True):
        if set(largest.params) <= set(branch):
            found.append(replace(largest, bound="fixed"))
        else:
            found += [_at(space, branch, "smallest"), largest]
    return found


def largest_configs(space: Space) -> list[Extreme]:
    """Returns each branch with every range at its largest value."""
    return [_at(space, branch, "largest") for branch in space.branches()]


def middle(space: Space) -> Extreme:
    """Returns the first branch with every range, and all options, at their middle."""
    return _at(space, space.branches()[0], "middle")


def _at(space: Space, branch: Mapping[str, str], bound: Bound) -> Extreme:
    """Returns a branch at a bound, or a random setting of it if constraints exclude that."""
    chance = random.Random(bound)

    def at_bound(distribution: Distribution) -> Scalar:
        smallest, largest = distribution.bounds()
        middle = distribution.middle()
        return {"smallest": smallest, "middle": middle, "largest": largest}[bound]

    label = " ".join(f"{name}={option}" for name, option in branch.items())
    for choose in (at_bound, *[lambda distribution: distribution.draw(chance)] * TRIES):
        if setting := _setting(space, branch, choose):
            return Extreme(label, bound, *setting)
    where = f" with {label}" if label else ""
    rule = f"none of {TRIES} random settings{where} satisfies every constraint"
    raise InputError(f"study.constraints: {rule}; loosen one of them, or widen the ranges")


def _setting(
    space: Space, branch: Mapping[str, str], choose: Callable[[Distribution], Scalar]
) -> tuple[dict[str, Scalar], dict[str, Any]] | None:
    params: dict[str, Scalar] = {}

    def suggest(name: str, distribution: Distribution) -> Scalar:
        params[name] = branch.get(name, choose(distribution))
        return params[name]

    try:
        return params, space.sample(suggest)
    except InfeasibleError:
        return None
