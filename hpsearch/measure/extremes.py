"""The settings a check looks at: each branch of a space, at its least and its greatest values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from hpsearch.protocol.types import Scalar
from hpsearch.studyfile.distributions import Distribution
from hpsearch.studyfile.space import Space

End = Literal["least", "middle", "greatest"]
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
    params: dict[str, Scalar] = {}

    def suggest(name: str, distribution: Distribution) -> Scalar:
        least, greatest = distribution.ends()
        values = {"least": least, "middle": distribution.middle(), "greatest": greatest}
        params[name] = branch.get(name, values[end])
        return params[name]

    config = space.sample(suggest)
    label = " ".join(f"{name}={option}" for name, option in branch.items())
    return Extreme(label, end, params, config)
