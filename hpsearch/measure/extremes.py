"""The settings a check looks at: each branch of a space, at its least and its greatest values."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from hpsearch.errors import InputError
from hpsearch.protocol.types import Scalar
from hpsearch.studyfile.distributions import Distribution
from hpsearch.studyfile.links import InfeasibleError
from hpsearch.studyfile.space import Space

End = Literal["least", "middle", "greatest"]
TRIES = 2000
ENDS: tuple[End, ...] = ("least", "greatest")


@dataclass(frozen=True)
class Extreme:
    """One branch with every range at one of its ends, or at its middle.

    Attributes:
        branch: the choices that make the branch, as `model=cnn optimizer=adam`; empty if the
            space has no branches.
        params: the values, by parameter.
        config: the study file's sections, filled in.
    """

    branch: str
    end: End
    params: Mapping[str, Scalar]
    config: Mapping[str, Any]


def extreme_configs(space: Space) -> list[Extreme]:
    """Returns each branch at both ends; of options that are no numbers, the first and the last."""
    return [_at(space, branch, end) for branch in space.branches() for end in ENDS]


def middle(space: Space) -> Extreme:
    """Returns the first branch with every range, and all options, at their middle."""
    return _at(space, space.branches()[0], "middle")


def _at(space: Space, branch: Mapping[str, str], end: End) -> Extreme:
    """Returns the end of a branch or, where that cannot be, a setting drawn by chance that can."""
    chance = random.Random(end)

    def at_end(distribution: Distribution) -> Scalar:
        least, greatest = distribution.ends()
        return {"least": least, "middle": distribution.middle(), "greatest": greatest}[end]

    label = " ".join(f"{name}={option}" for name, option in branch.items())
    for choose in (at_end, *[lambda distribution: distribution.draw(chance)] * TRIES):
        if setting := _setting(space, branch, choose):
            return Extreme(label, end, *setting)
    where = f" with {label}" if label else ""
    raise InputError(f"none of {TRIES} settings drawn{where} satisfies every constraint")


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
