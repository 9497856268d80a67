"""The numbers agree with a library's, and noise alone makes no winner."""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Iterable, Sequence

import pytest
from fault_score import FULL
from scipy import stats

from hpsearch.search.confirm.boundary import SeedPlan
from hpsearch.search.confirm.intervals import (
    claim_level,
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


def test_neither_one_value_nor_equal_ones_have_an_interval() -> None:
    assert mean_interval([0.5]) is None
    assert mean_interval([0.5, 0.5]) is None


def test_the_paired_test_is_the_librarys() -> None:
    first, second = [0.91, 0.93, 0.95, 0.92], [0.90, 0.93, 0.92, 0.91]
    known = stats.ttest_rel(first, second).pvalue
    fine = [value + step * 1e-5 for step, value in enumerate(first)]
    assert paired_p_value(fine, second) == pytest.approx(known, rel=0.01)


def test_values_on_a_coarse_grid_need_a_larger_difference() -> None:
    first, second = [0.91, 0.93, 0.95, 0.92], [0.90, 0.93, 0.92, 0.91]
    p_value = paired_p_value(first, second)
    assert p_value is not None
    assert p_value > 1.02 * stats.ttest_rel(first, second).pvalue


@pytest.mark.parametrize(
    ("first", "second", "p_value"),
    [
        ([], [], None),
        ([0.9], [0.1], None),
        ([0.9, 0.91], [0.1, 0.12], None),
        ([0.5, 0.7, 0.6], [0.5, 0.7, 0.6], 1.0),
        ([0.9, 0.9, 0.9], [0.8, 0.8, 0.8], None),
        ([0.50, 0.75, 0.50], [0.25, 0.50, 0.25], 0.25),
    ],
    ids=["none", "one pair", "two", "the same", "no noise at all", "coarse values that agree"],
)
def test_where_t_says_nothing(
    first: list[float], second: list[float], p_value: float | None
) -> None:
    assert paired_p_value(first, second) == p_value


def test_the_first_look_has_nearly_all_of_the_5_percent_and_all_looks_no_more() -> None:
    levels = [claim_level(earlier) for earlier in range(60)]
    assert levels[:3] == pytest.approx([0.048, 0.001, 0.0005])
    assert sum(levels) <= 0.05


def normal(chance: random.Random) -> float:
    return chance.gauss(0.9, 0.01)


def heavy(chance: random.Random) -> float:
    """Student's t with two degrees of freedom: a seed now and then is far off."""
    return 0.9 + 0.01 * chance.gauss(0, 1) / (chance.expovariate(1.0) ** 0.5)


def coarse(chance: random.Random) -> float:
    """A score of few steps, as an accuracy on few images: the worst case for t."""
    return round(chance.gauss(0.3, 0.7))


def very_coarse(chance: random.Random) -> float:
    return float(chance.random() < 0.5)


METRICS = [normal, heavy, coarse, very_coarse]
# In 1,000 repeats of an event of 5 %, more than this happens once in 1,000.
MOST = 1.43


def first_claim(
    values: Sequence[Sequence[float]], looks: Iterable[int], plan: SeedPlan | None = None
) -> int:
    """Returns with how many seeds a winner is claimed at some look; 0 if at none."""
    for earlier, seeds in enumerate(looks):
        first, second, *_ = sorted((row[:seeds] for row in values), key=sum, reverse=True)
        p_value = paired_p_value(first, second)
        level = plan.level(seeds, claim_level(0)) if plan else claim_level(earlier)
        if p_value is not None and p_value < level and sum(first) > sum(second):
            return seeds
    return 0


def claims(
    metric: Callable[[random.Random], float],
    finalists: int,
    looks: Sequence[int],
    repeats: int,
    plan: SeedPlan | None = None,
) -> float:
    """Returns how often, of 1, equals have a winner."""
    chance = random.Random(looks[-1])
    draws = (
        [[metric(chance) for _ in range(looks[-1])] for _ in range(finalists)]
        for _ in range(repeats)
    )
    return sum(first_claim(values, looks, plan) > 0 for values in draws) / repeats


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("seeds", [2, 3, 4, 5, 6, 7, 8, 9, 10] if FULL else [2, 3, 7])
@pytest.mark.parametrize("finalists", [2, 3] if FULL else [2])
def test_of_equals_a_winner_is_claimed_in_at_most_5_of_100(
    metric: Callable[[random.Random], float], finalists: int, seeds: int
) -> None:
    assert claims(metric, finalists, [seeds], 1000) <= 0.05 * MOST


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("start", [2, 3, 5] if FULL else [3])
def test_a_winner_is_as_rare_if_seeds_are_added_one_by_one(
    metric: Callable[[random.Random], float], start: int
) -> None:
    assert claims(metric, 2, range(start, 11), 1000 if FULL else 300) <= 0.05 * MOST


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("first", [3, 4, 5, 6, 7, 8, 9] if FULL else [3])
@pytest.mark.parametrize("finalists", [2, 3] if FULL else [2])
def test_a_winner_is_as_rare_if_a_plan_adds_seeds(
    metric: Callable[[random.Random], float], finalists: int, first: int
) -> None:
    looks, repeats = range(first, 11), 1000 if FULL else 200
    most = MOST if FULL else 2.1  # of 200 repeats, the same once in 1,000
    assert claims(metric, finalists, looks, repeats, SeedPlan(first, 10)) <= 0.05 * most


def test_a_plan_spends_hardly_anything_at_first_and_nearly_all_at_its_end() -> None:
    plan = SeedPlan(5, 10)
    levels = [plan.level(seeds, 0.048) for seeds in range(5, 11)]
    assert levels == sorted(levels)
    assert levels[0] < 0.005
    assert levels[-1] > 0.02
    # What O'Brien and Fleming's function of Lan and DeMets gives for the first look alone.
    assert levels[0] == pytest.approx(
        2 * stats.norm.sf(stats.norm.isf(0.85 * 0.048 / 2) / 0.5**0.5), rel=0.02
    )


def test_a_plan_finds_clear_differences_with_fewer_seeds_and_others_hardly_less_often() -> None:
    chance, plan = random.Random(3), SeedPlan(3, 10)
    for effect, found, mean in ((1.0, 0.62, 9.0), (2.5, 0.98, 6.0)):
        stops = []
        for _ in range(1000 if FULL else 100):
            rows = [[chance.gauss(0, 0.5**0.5) for _ in range(10)] for _ in range(2)]
            rows[0] = [value + effect for value in rows[0]]
            stops.append(first_claim(rows, range(3, 11), plan))
        assert sum(map(bool, stops)) / len(stops) > found
        assert statistics.fmean(stop or 10 for stop in stops) < mean


@pytest.mark.parametrize("seeds", range(3, 11) if FULL else [3, 5])
@pytest.mark.parametrize("finalists", [2, 3] if FULL else [2])
def test_real_differences_are_found_as_often_as_at_a_plain_5_percent(
    finalists: int, seeds: int
) -> None:
    """Where a plain t-test finds about half of them; the difference is that of 0.048 to 0.05."""
    chance, ours, plain = random.Random(seeds), 0, 0
    for _ in range(1000):
        rows = [[normal(chance) for _ in range(seeds)] for _ in range(finalists)]
        rows[0] = [value + 0.067 / seeds**0.83 for value in rows[0]]
        first, second, *_ = sorted(rows, key=sum, reverse=True)
        ours += first_claim(rows, [seeds]) > 0
        plain += float(stats.ttest_rel(first, second).pvalue) < 0.05
    assert 300 < plain < 800
    assert ours >= plain - 30
