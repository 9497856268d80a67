"""Statistics of a few repeated measurements: means with intervals, shares, and a paired test."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from scipy.special import ndtri, stdtr, stdtrit

CONFIDENCE = 0.95
SIGNIFICANT = 0.05
MIN_PAIRS = 3
_FIRST_SHARE = 0.96
_TAIL = (1 + CONFIDENCE) / 2
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Interval:
    """A range that contains the true value in 95 of 100 such measurements."""

    low: float
    high: float


def mean_interval(values: Sequence[float]) -> Interval | None:
    """Returns the 95 % interval of the mean, by Student's t.

    None for fewer than two values, and for equal ones: they show no noise that could be measured.
    """
    count = len(values)
    if count < 2 or (error := statistics.stdev(values) / math.sqrt(count)) == 0:
        return None
    reach = float(stdtrit(count - 1, _TAIL)) * error
    mean = statistics.fmean(values)
    return Interval(mean - reach, mean + reach)


def share_interval(share: float, count: int) -> Interval:
    """Returns the 95 % interval of a share, such as an accuracy, measured on a sample.

    This is Wilson's score interval (Wilson 1927). Unlike the plain normal interval, it keeps its
    coverage near 0 and 1, where good accuracies are (Brown, Cai and DasGupta 2001).

    Args:
        share: 0 to 1.
        count: size of the sample, 1 or more.
    """
    z = float(ndtri(_TAIL))
    weight = z * z / count
    centre = (share + weight / 2) / (1 + weight)
    reach = z / (1 + weight) * math.sqrt(share * (1 - share) / count + weight / (4 * count))
    return Interval(max(0.0, centre - reach), min(1.0, centre + reach))


def paired_p_value(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Returns how probable a mean difference this large is if there is no real one (two-sided).

    This is the paired t-test, since a rank or permutation test over five pairs cannot go below 1/16
    and so would never find anything. Coarse values, such as accuracies on few images, agree by
    chance and would make t too large. The variance from rounding to their grid (Sheppard 1898) is
    therefore added; for fine values it is negligible.

    Args:
        first: values of one setting, one for each seed.
        second: values of the other, for the same seeds in the same order.

    Returns:
        The p-value, 0 to 1. None for fewer than `MIN_PAIRS` pairs, and if no value of either
        setting depends on the seed: there is then no noise to compare the difference with.
    """
    differences = [a - b for a, b in zip(first, second, strict=True)]
    count = len(differences)
    if count < MIN_PAIRS or (_constant(first) and _constant(second)):
        return None
    if not any(differences):
        return 1.0
    grid = _grid((*first, *second))
    error = math.sqrt((statistics.variance(differences) + grid**2 / 12) / count)
    p_value = float(2 * stdtr(count - 1, -abs(statistics.fmean(differences)) / error))
    if _constant(differences):
        # Without any spread, t is undefined: only the signs count, as in a sign test.
        p_value = max(p_value, 2.0 ** (1 - count))
    return p_value


def is_close(difference: float, count: int, p_value: float | None) -> bool:
    """Returns whether two settings differ by at most the standard error of their difference.

    Args:
        difference: of their means.
        count: how many pairs of runs there are.
        p_value: of the paired test; without one, only equal means are close.
    """
    if p_value is None:
        return difference == 0
    return p_value >= float(2 * stdtr(count - 1, -1.0))


def claim_level(earlier: int) -> float:
    """Returns the p-value below which a difference is real, given the earlier looks at the data.

    Adding seeds until a difference shows would find one between equals, too. So the 5 % are spent
    over all looks (alpha spending, Lan and DeMets 1983): nearly all at the first, and half of the
    rest at each later one. They never exceed 5 % in all, however often one looks and why.

    Args:
        earlier: how many looks there were before; 0 for the first.
    """
    share = _FIRST_SHARE if earlier == 0 else (1 - _FIRST_SHARE) * 0.5**earlier
    return SIGNIFICANT * share


def _grid(values: Sequence[float]) -> float:
    """Returns the smallest step between different values; 0 if all are equal."""
    ordered = sorted(values)
    resolution = _ROUNDING * max(abs(value) for value in values)
    steps = [b - a for a, b in pairwise(ordered) if b - a > resolution]
    return min(steps, default=0.0)


def _constant(values: Sequence[float]) -> bool:
    return max(values) - min(values) <= _ROUNDING * max(abs(value) for value in values)
