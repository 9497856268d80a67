"""The numbers agree with a library's, and noise alone makes no winner."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from scipy import stats

from hpsearch.search.confirm.intervals import (
    Interval,
    mean_interval,
    paired_p_value,
    share_interval,
)


@pytest.mark.parametrize(("share", "count"), [(0.98, 1000), (1.0, 50), (0.0, 50), (0.0, 1)])
def test_the_interval_of_a_share_is_wilsons(share: float, count: int) -> None:
    known = stats.binomtest(round(share * count), count).proportion_ci(method="wilson")
    ours = share_interval(share, count)
    assert (ours.low, ours.high) == pytest.approx((known.low, known.high), abs=1e-12)


def test_the_interval_of_a_mean_is_students() -> None:
    values = [0.97, 0.98, 0.975, 0.99, 0.98]
    known = stats.t.interval(0.95, 4, loc=sum(values) / 5, scale=stats.sem(values))
    ours = mean_interval(values)
    assert ours is not None
    assert (ours.low, ours.high) == pytest.approx(known)


def test_one_value_has_no_interval_and_equal_ones_a_narrow_one() -> None:
    assert mean_interval([0.5]) is None
    assert mean_interval([0.5, 0.5]) == Interval(0.5, 0.5)


def test_the_paired_test_is_the_librarys() -> None:
    first, second = [0.91, 0.93, 0.95, 0.92], [0.90, 0.93, 0.92, 0.91]
    known = stats.ttest_rel(first, second).pvalue
    assert paired_p_value(first, second) == pytest.approx(known)


@pytest.mark.parametrize(
    ("first", "second", "p_value"),
    [
        ([0.9], [0.1], None),
        ([], [], None),
        ([0.5, 0.7, 0.6], [0.5, 0.7, 0.6], 1.0),
        ([0.9, 0.9, 0.9], [0.8, 0.8, 0.8], 0.0),
        ([0.50, 0.75, 0.50], [0.25, 0.50, 0.25], 0.25),
    ],
    ids=["one pair", "no pair", "the same", "no noise at all", "coarse values that agree"],
)
def test_where_t_says_nothing(
    first: list[float], second: list[float], p_value: float | None
) -> None:
    assert paired_p_value(first, second) == p_value


def smooth(chance: random.Random) -> float:
    return chance.gauss(0.9, 0.01)


def coarse(chance: random.Random) -> float:
    """An accuracy on 50 images."""
    return sum(chance.random() < 0.9 for _ in range(50)) / 50


@pytest.mark.parametrize("draw", [smooth, coarse])
@pytest.mark.parametrize("seeds", [2, 3, 5, 10])
@pytest.mark.parametrize("finalists", [2, 3])
def test_of_equals_the_best_beats_the_second_in_at_most_5_of_100(
    draw: Callable[[random.Random], float], seeds: int, finalists: int
) -> None:
    chance = random.Random(seeds)
    repeats, claims = 1000, 0
    for _ in range(repeats):
        values = [[draw(chance) for _ in range(seeds)] for _ in range(finalists)]
        first, second, *_ = sorted(values, key=sum, reverse=True)
        p_value = paired_p_value(first, second)
        claims += p_value is not None and p_value < 0.05
    # Three standard errors of 5 % over 1,000 repeats.
    assert claims <= repeats * (0.05 + 3 * (0.05 * 0.95 / repeats) ** 0.5)


def test_a_real_difference_is_found_in_most_repeats() -> None:
    chance = random.Random(1)
    found = 0
    for _ in range(200):
        better = [chance.gauss(0.93, 0.005) for _ in range(5)]
        worse = [chance.gauss(0.91, 0.005) for _ in range(5)]
        p_value = paired_p_value(better, worse)
        found += p_value is not None and p_value < 0.05
    assert found > 190
