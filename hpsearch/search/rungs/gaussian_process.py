"""What some noisy values of a function say about it elsewhere."""

from __future__ import annotations

from typing import final

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize

# What is likely before any value is known, as mean and standard deviation of logarithms: lengths in
# shares of a range, variances for values whose good half is between 0 and 1.
_LENGTH = np.log(0.6), 0.7
_VARIANCE = 0.0, 1.0
_NOISE = np.log(0.05), 1.0
_BOUNDS = np.log(0.02), np.log(50.0)
_STEPS = 8
_TINY = 1e-6


@final
class GaussianProcess:
    """A Gaussian process with the kernel Matern 5/2 and a length for each dimension.

    The lengths, the variance and the noise are the most probable ones for the values (Rasmussen and
    Williams 2006, chapters 4 and 5).

    Args:
        points: `(N, D)`; numbers from 0 to 1, or the number of an option.
        values: `(N,)`, of the order of 1.
        unordered: `(D,)`; where true, two points are alike or different, and never near.

    Attributes:
        noise: the standard deviation of a value around the function.
    """

    def __init__(self, points: np.ndarray, values: np.ndarray, unordered: np.ndarray) -> None:
        self._points = points
        self._unordered = unordered
        self._mean = values.mean()
        around_zero = values - self._mean
        dimensions = points.shape[1]
        expected, spread = np.transpose([_LENGTH] * dimensions + [_VARIANCE, _NOISE])
        fitted = minimize(
            _unlikeliness,
            expected,
            (self._squares(points), around_zero, expected, spread),
            method="L-BFGS-B",
            jac=True,
            bounds=[_BOUNDS] * dimensions + [(-6.0, 3.0), (-9.0, 1.0)],
            options={"maxiter": _STEPS},
        )
        self._lengths = np.exp(fitted.x[:dimensions])
        self._variance, noise = np.exp(fitted.x[dimensions:])
        self.noise = float(np.sqrt(noise))
        covariance = self._covariance(points)
        covariance[np.diag_indices_from(covariance)] += noise + _TINY
        self._factor = cho_factor(covariance, lower=True)
        self._weights = cho_solve(self._factor, around_zero)

    def at(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns what is believed of the function at `(M, D)` points: means and deviations."""
        covariance = self._covariance(points)
        explained = (covariance * cho_solve(self._factor, covariance.T).T).sum(axis=1)
        deviations = np.sqrt(np.maximum(self._variance - explained, _TINY))
        return self._mean + covariance @ self._weights, deviations

    def _squares(self, points: np.ndarray) -> np.ndarray:
        """Returns the squared distances between `points` and its own, `(M, N, D)`."""
        apart = points[:, None] - self._points[None]
        squares: np.ndarray = np.where(self._unordered, apart != 0, apart**2)
        return squares

    def _covariance(self, points: np.ndarray) -> np.ndarray:
        distance = np.sqrt(5 * (self._squares(points) / self._lengths**2).sum(axis=2))
        matern = (1 + distance + distance**2 / 3) * np.exp(-distance)
        covariance: np.ndarray = self._variance * matern
        return covariance


def _unlikeliness(
    logs: np.ndarray,
    squares: np.ndarray,
    values: np.ndarray,
    expected: np.ndarray,
    spread: np.ndarray,
) -> tuple[float, np.ndarray]:
    """Returns the negative log probability of lengths, variance and noise, and its gradient.

    Args:
        logs: the logarithms of the lengths, the variance and the noise.
        squares: the squared distances of the points, `(N, N, D)`.
        values: `(N,)`.
        expected: the logarithms that are most likely before any value is known.
        spread: how far from these the logarithms may be.
    """
    scaled = squares / np.exp(2 * logs[:-2])
    variance, noise = np.exp(logs[-2:])
    distance = np.sqrt(5 * scaled.sum(axis=2))
    decay = np.exp(-distance)
    explained = variance * (1 + distance + distance**2 / 3) * decay
    identity = np.eye(len(values))
    factor = cho_factor(explained + (noise + _TINY) * identity, lower=True)
    weights = cho_solve(factor, values)
    unusual = (logs - expected) / spread
    score = values @ weights / 2 + np.log(np.diag(factor[0])).sum() + unusual @ unusual / 2

    slope = (cho_solve(factor, identity) - np.outer(weights, weights)) / 2
    by_distance = slope * variance * 5 / 3 * (1 + distance) * decay
    gradient = np.append(
        np.einsum("ij,ijk->k", by_distance, scaled),
        [(slope * explained).sum(), noise * np.trace(slope)],
    )
    return float(score), gradient + unusual / spread
