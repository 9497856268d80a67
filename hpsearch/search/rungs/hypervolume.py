"""Proposals for several objectives: what is expected to enlarge the Pareto front most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from threadpoolctl import threadpool_limits

from hpsearch.internals.optuna import Columns, Space
from hpsearch.search.rungs.gaussian_process import GaussianProcess
from hpsearch.search.rungs.history import KnownTrial, by_rung, columns, evenly
from hpsearch.search.rungs.pareto import best_first

MOST_TRIALS = 150
ONE_IN = 8  # candidates are near the best eighth of the trials, or anywhere
ANYWHERE, NEAR = 300, 200
DISTANCES = 0.03, 0.1, 0.2  # from a good trial, as shares of a range
KEPT = 0.7  # how often a candidate near a good trial has its option
TRADE_OFFS = 32
DRAWS = 64
ROOM = 1.5
WORST = -0.5
NONE = 1e-9


def most_promising(
    trials: Sequence[KnownTrial], rung: int, space: Space, rng: np.random.RandomState
) -> dict[str, Any]:
    """Returns the parameters by which the hypervolume of the trials is expected to grow most.

    Each objective has its own Gaussian process, which learns from the trials that have reached the
    rung. Trials that still train towards it count with what is expected of them; trials that break
    a constraint count as the worst. A setting is proposed again only if no candidate is new.

    Args:
        trials: all that have the parameters.
        rung: epochs after which they are compared.
        space: the parameters.
        rng: for candidates, trade-offs and draws.
    """
    met, begun, unfit = by_rung(trials, rung)
    known = {trial.number: trial for trial in met}
    losses = {trial.number: trial.losses[rung] for trial in met}
    learned = [known[number] for number in _most(best_first(losses))]
    reached = ahead_of_reference(np.array([losses[trial.number] for trial in learned]))

    bad = evenly(unfit, MOST_TRIALS // 2)
    values = np.vstack([reached, np.full((len(bad), reached.shape[1]), WORST)])
    points = _points(columns([*learned, *bad], space), space)
    unordered = np.array([isinstance(each, CategoricalDistribution) for each in space.values()])
    candidates = _draw(points[: -(-len(met) // ONE_IN)], space, rng)
    # Matrices as small as these take several times as long with several threads.
    with threadpool_limits(1, user_api="blas"):
        processes = [GaussianProcess(points, column, unordered) for column in values.T]
        if begun:
            where = _points(columns(begun, space), space)
            expected = np.transpose([process.at(where)[0] for process in processes])
            reached = np.vstack([reached, expected])
        where = _points(candidates, space)
        means, deviations = np.swapaxes([process.at(where) for process in processes], 0, 1)
    improvements = expected_improvements(means, deviations, reached, rng)
    if improvements.max() < NONE:
        # Such as for the choice of a branch, if its own parameters decide: by chance, then.
        noise = np.array([[process.noise] for process in processes])
        improvements = expected_improvements(means, np.hypot(deviations, noise), reached, rng)
    new = _are_new(where, [*met, *begun, *unfit], space)
    best = int(np.argmax(np.where(new | ~new.any(), improvements, -1.0)))
    return {name: space[name].to_external_repr(candidates[name][best].item()) for name in space}


def ahead_of_reference(losses: np.ndarray) -> np.ndarray:
    """Returns how far trials are ahead of the reference point: 1 is the best of an objective.

    The reference point is the median of the first objective: the worse half is behind it. Of the
    others it is the worst value, but no further from the best than 1.5 times the trials of the
    better half, so that one network a thousand times as large as these does not make them alike.

    Args:
        losses: `(N, K)`; smaller is better.

    Returns:
        `(N, K)`, from -0.5 to 1.
    """
    best, median = losses.min(axis=0), np.median(losses[:, 0])
    better = losses[losses[:, 0] <= median]
    reference = np.minimum(losses.max(axis=0), best + ROOM * (better.max(axis=0) - best))
    reference[0] = median
    scale = reference - best
    ahead = (reference - losses) / np.where(scale > 0, scale, 1.0)
    limited: np.ndarray = np.maximum(ahead, WORST)
    return limited


def expected_improvements(
    means: np.ndarray, deviations: np.ndarray, reached: np.ndarray, rng: np.random.RandomState
) -> np.ndarray:
    """Returns by how much the hypervolume is expected to grow with each candidate, `(M,)`.

    Up to a factor, the hypervolume of some trials is the mean over random trade-offs of the K-th
    power of how far one can go from the reference point along the trade-off until no trial beats it
    in all K objectives any more (Zhang and Golovin 2020, arXiv 2006.04655).

    Args:
        means: `(K, M)`; how far ahead of the reference point the candidates are believed to be.
        deviations: `(K, M)`; how uncertain that is.
        reached: `(N, K)`; how far ahead trials are.
        rng: for the trade-offs and for draws of what is believed.
    """
    objectives, count = means.shape
    drawn = means[:, None] + deviations[:, None] * rng.normal(size=(objectives, DRAWS, 1))
    improvements = np.zeros(count)
    for trade_off in np.abs(rng.normal(size=(TRADE_OFFS, objectives))):
        unit = trade_off / np.linalg.norm(trade_off)
        until_now = max(0.0, (reached / unit).min(axis=1).max())
        until_then = np.maximum((drawn / unit[:, None, None]).min(axis=0), until_now)
        improvements += (until_then**objectives).mean(axis=0) - until_now**objectives
    return improvements / TRADE_OFFS


def _most(order: Sequence[int]) -> list[int]:
    """Returns the better half of as many trials as are learned from, and the others evenly."""
    half = MOST_TRIALS // 2
    return [*order[:half], *evenly(order[half:], half)]


def _draw(near: np.ndarray, space: Space, rng: np.random.RandomState) -> Columns:
    """Returns candidates, some anywhere and some near good points, as the database stores them.

    Near an end of a range, many are exactly there: the best small network is often the smallest.
    """
    anywhere = rng.random_sample((ANYWHERE, len(space)))
    from_here = near[rng.randint(len(near), size=NEAR)]
    moves = rng.normal(size=from_here.shape) * rng.choice(DISTANCES, (NEAR, 1))
    drawn = {}
    for column, (name, distribution) in enumerate(space.items()):
        if isinstance(distribution, CategoricalDistribution):
            options = rng.randint(len(distribution.choices), size=ANYWHERE + NEAR)
            kept = rng.random_sample(NEAR) < KEPT
            options[ANYWHERE:][kept] = from_here[kept, column]
            drawn[name] = options
        else:
            moved = np.clip(from_here[:, column] + moves[:, column], 0.0, 1.0)
            drawn[name] = _stored(np.append(anywhere[:, column], moved), distribution)
    return drawn


def _are_new(candidates: np.ndarray, trials: Sequence[KnownTrial], space: Space) -> np.ndarray:
    """Returns which candidates are no trial's whole setting."""
    whole = [trial for trial in trials if trial.names == space.keys()]
    if not whole:
        return np.ones(len(candidates), bool)
    known = _points(columns(whole, space), space)
    new: np.ndarray = ~(candidates[:, None] == known[None]).all(axis=2).any(axis=1)
    return new


def _points(stored: Columns, space: Space) -> np.ndarray:
    return np.stack([_from_0_to_1(stored[name], each) for name, each in space.items()], axis=1)


def _from_0_to_1(stored: np.ndarray, distribution: BaseDistribution) -> np.ndarray:
    """Returns where values are in their range, logarithmic where it is; options as they are."""
    if not isinstance(distribution, FloatDistribution | IntDistribution):
        return stored
    low, high = float(distribution.low), float(distribution.high)
    if distribution.log:
        stored, low, high = np.log(stored), np.log(low), np.log(high)
    share: np.ndarray = (stored - low) / (high - low)
    return share


def _stored(share: np.ndarray, distribution: BaseDistribution) -> np.ndarray:
    """Returns the values at some places of a range, on its steps."""
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    low, high = float(distribution.low), float(distribution.high)
    if distribution.log:
        values = np.exp(np.log(low) + share * (np.log(high) - np.log(low)))
    else:
        values = low + share * (high - low)
    if distribution.step:
        values = low + np.round((values - low) / distribution.step) * distribution.step
    limited: np.ndarray = np.clip(values, low, high)
    return limited
