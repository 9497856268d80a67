"""Proposals near the values that a person believes to be good; fewer as more is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution

from hpsearch.internals.optuna import SearchSpaceTransform

AT_FIRST = 0.5
LATER = 0.2
FADING = 0.05
SPREAD = 0.15
KEPT = 0.7


class Priors:
    """Values that are believed to be good.

    Args:
        values: by parameter; parameters may be missing.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = dict(values)

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def __len__(self) -> int:
        return len(self._values)

    @staticmethod
    def share(trials: int, *, learning: bool) -> float:
        """Returns the share of the trials to propose near the priors: half at first, then less.

        Args:
            trials: how many have reported.
            learning: whether these are enough to learn from.
        """
        return LATER / (1 + FADING * trials) if learning else AT_FIRST

    def near(self, name: str, distribution: BaseDistribution, rng: np.random.RandomState) -> Any:
        """Returns a value near the prior.

        A number is drawn from a normal distribution with a standard deviation of 0.15 of the range,
        mirrored at its ends. An option is the prior itself seven times in ten, otherwise any.
        """
        prior = self._values[name]
        if isinstance(distribution, CategoricalDistribution):
            kept = rng.random_sample() < KEPT
            return prior if kept else distribution.choices[rng.randint(len(distribution.choices))]
        # From 0 to 1, logarithmic where the range is.
        scale = SearchSpaceTransform({name: distribution}, transform_0_1=True)
        moved = scale.transform({name: prior}) + rng.normal(0.0, SPREAD, 1)
        mirrored = 1 - np.abs(1 - np.abs(moved))
        return scale.untransform(np.clip(mirrored, 0.0, 1.0))[name]
