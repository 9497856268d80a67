"""What some noisy values say of a function elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from hpsearch.search.rungs import gaussian_process
from hpsearch.search.rungs.gaussian_process import GaussianProcess

RNG = np.random.RandomState(0)


def test_it_finds_a_function_of_numbers_and_options_between_noisy_values() -> None:
    """Two numbers, the second without effect, and an option of which one makes a difference."""

    def function(points: np.ndarray) -> np.ndarray:
        values: np.ndarray = np.sin(4 * points[:, 0]) + 0.3 * (points[:, 2] == 1)
        return values

    def draw(count: int) -> np.ndarray:
        return np.column_stack([RNG.rand(count, 2), RNG.randint(3, size=count)])

    points, new = draw(60), draw(200)
    noisy = function(points) + RNG.normal(0, 0.05, 60)
    means, _ = GaussianProcess(points, noisy, np.array([False, False, True])).at(new)
    assert np.abs(means - function(new)).mean() < 0.05


def test_it_is_surer_where_values_are_known_and_elsewhere_expects_their_mean() -> None:
    points = np.array([[0.0], [0.01], [0.02]])
    process = GaussianProcess(points, np.array([1.0, 1.1, 0.9]), np.array([False]))
    means, deviations = process.at(np.array([[0.01], [1.0]]))
    assert deviations[0] < deviations[1] / 2
    assert means == pytest.approx([1.0, 1.0], abs=0.05)


def test_equal_values_at_equal_points_are_no_error() -> None:
    process = GaussianProcess(np.full((8, 2), 0.5), np.zeros(8), np.array([False, True]))
    means, deviations = process.at(np.array([[0.5, 0.5], [0.0, 1.0]]))
    assert means == pytest.approx([0.0, 0.0])
    assert np.isfinite(deviations).all()


def test_the_gradient_of_the_fit_is_the_slope() -> None:
    points, values = RNG.rand(12, 2), RNG.normal(size=12)
    squares = (points[:, None] - points[None]) ** 2
    expected, spread, at = np.zeros(4), np.ones(4), RNG.normal(size=4)

    def score(logs: np.ndarray) -> float:
        return gaussian_process._unlikeliness(logs, squares, values, expected, spread)[0]

    gradient = gaussian_process._unlikeliness(at, squares, values, expected, spread)[1]
    assert gradient == pytest.approx(approx_fprime(at, score, 1e-7), abs=1e-3)
