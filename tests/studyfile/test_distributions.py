import math

import pytest

from hpsearch.studyfile.distributions import Choice, FloatRange, IntRange, check_values


@pytest.mark.parametrize(
    ("distribution", "bounds", "size"),
    [
        (IntRange(8, 64, log=True), (8, 64), 57),
        (IntRange(1, 9, step=4), (1, 9), 3),
        (FloatRange(0.0, 0.5), (0.0, 0.5), math.inf),
        (FloatRange(0.0, 0.5, step=0.05), (0.0, 0.5), 11),
        (Choice((64, 8, 32)), (8, 64), 3),
        (Choice(("relu", "gelu", None)), ("relu", None), 3),
        (Choice((True, False)), (True, False), 2),
    ],
)
def test_a_distribution_knows_its_bounds_and_size(distribution, bounds, size):
    assert distribution.bounds() == bounds
    assert distribution.size() == size


@pytest.mark.parametrize(
    ("distribution", "middle"),
    [
        (IntRange(1, 8), 5),
        (IntRange(4, 64, log=True), 16),
        (IntRange(1, 10, step=3), 7),
        (FloatRange(0.0, 0.5), 0.25),
        (FloatRange(1e-4, 1e-2, log=True), pytest.approx(1e-3)),
        (FloatRange(0.0, 0.75, step=0.25), 0.5),
        (Choice((256, 64, 128)), 128),
        (Choice((True, False)), True),
        (Choice(("relu", "gelu", None)), "gelu"),
    ],
)
def test_a_distribution_knows_its_middle(distribution, middle):
    assert distribution.middle() == middle
    assert distribution.contains(distribution.middle())


@pytest.mark.parametrize(
    ("distribution", "inside", "outside"),
    [
        (IntRange(1, 9, step=4), [1, 5, 9], [0, 2, 13, 5.0, True, "5", None]),
        (FloatRange(0.0, 1.0), [0.0, 0.3, 1], [-0.1, 1.1, False, "0.3"]),
        (FloatRange(0.0, 0.3, step=0.1), [0.1, 0.2, 0.30000000000000004 - 1e-16], [0.15]),
        (Choice((1, "a", None)), [1, "a", None], [True, 1.0, "b"]),
    ],
)
def test_a_distribution_contains_its_values_only(distribution, inside, outside):
    assert [value for value in inside if not distribution.contains(value)] == []
    assert [value for value in outside if distribution.contains(value)] == []


def test_the_extremes_are_each_option_or_both_ends():
    assert check_values(Choice(("a", "b", "c"))) == ("a", "b", "c")
    assert check_values(IntRange(2, 7)) == (2, 7)
