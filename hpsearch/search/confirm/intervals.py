"""What a few repeated measurements can say: means with intervals, shares, and a paired test."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import ndtri, stdtr, stdtrit

CONFIDENCE = 0.95
_TAIL = (1 + CONFIDENCE) / 2
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Interval:
    """A range that holds the true value in 95 of 100 such measurements."""

    low: float
    high: float


def mean_interval(values: Sequence[float]) -> Interval | None:
    """Returns the 95 % interval of the mean, by Student's t; None for fewer than two values."""
    count = len(values)
    if count < 2:
        return None
    error = statistics.stdev(values) / math.sqrt(count)
    reach = float(stdtrit(count - 1, _TAIL)) * error
    mean = statistics.fmean(values)
    return Interval(mean - reach, mean + reach)


def share_interval(share: float, count: int) -> Interval:
    """Returns the 95 % interval of a share, such as an accuracy, that was found in a sample.

    Wilson's score interval (Wilson 1927): unlike the plain normal one it holds what it promises
    near 0 and 1, where good accuracies are (Brown, Cai and DasGupta 2001).

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
    """Returns how probable so large a mean difference is where there is none (two-sided).

    The paired t-test, since a rank or permutation test over five pairs cannot go below 1/16 and
    so would never find anything.

    Args:
        first: values of one setting, one a seed.
        second: values of the other, of the same seeds in the same order.

    Returns:
        The p-value, 0 to 1; None for fewer than two pairs.
    """
    differences = [a - b for a, b in zip(first, second, strict=True)]
    count = len(differences)
    if count < 2:
        return None
    if not any(differences):
        return 1.0
    if _constant(differences):
        return _p_value_of_equal_differences(first, second)
    t = statistics.fmean(differences) / (statistics.stdev(differences) / math.sqrt(count))
    return float(2 * stdtr(count - 1, -abs(t)))


def _p_value_of_equal_differences(first: Sequence[float], second: Sequence[float]) -> float:
    """Returns the p-value where t says nothing, since the differences have no spread."""
    if _constant(first) and _constant(second):
        return 0.0  # the seed changes nothing, so neither would another one
    # Coarse values agree by chance: only their signs count, as in a sign test.
    return float(2.0 ** (1 - len(first)))


def _constant(values: Sequence[float]) -> bool:
    return max(values) - min(values) <= _ROUNDING * max(abs(value) for value in values)
