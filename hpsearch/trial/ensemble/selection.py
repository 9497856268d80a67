"""Which models to average: greedy selection with replacement (Caruana et al. 2004).

Beginning with the best model, the one is added, again and again, with which the average is best;
one that is added twice counts twice. The choice fits the examples it is made by a little more with
each step, so when to stop is decided on others: the selection is made on either half of the
examples and checked on the other half (as in Caruana, Munson and Niculescu-Mizil 2006), and then
made once more, on all of them, with as many steps as were best there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

STEPS = 25
_AT_ONCE = 4096
_ROUNDING = 1e-6

Array = npt.NDArray[Any]
Loss = Callable[[Array], Array]


def log_loss(probabilities: Array) -> Array:
    """Returns the cross-entropy of the probabilities of what is true."""
    return -np.log(np.maximum(probabilities, 1e-12))


def squared_error(residuals: Array) -> Array:
    """Returns the squares of residuals."""
    return np.square(residuals)


@dataclass(frozen=True)
class Selection:
    """The models to average.

    Attributes:
        counts: how often each model is in the average; 0 of those that are not.
        alone: the loss of the best model alone, on examples that it was not chosen by.
        together: the same of the average.
    """

    counts: tuple[int, ...]
    alone: float
    together: float


def select(scores: Sequence[Array], loss: Loss, members: int, seed: int) -> Selection:
    """Returns which models to average, and what that gains.

    Args:
        scores: of each model, best first, `(N, E)`: what is averaged and put into the loss.
        loss: of averaged scores, number by number; the smaller, the better.
        members: at most so many different models.
        seed: of the halves.
    """
    order = np.random.default_rng(seed).permutation(len(scores[0]))
    halves = [np.sort(order[::2]), np.sort(order[1::2])]
    held_out = np.mean(
        [
            _check(scores, loss, _choose(scores, loss, mine, members, STEPS), others)
            for mine, others in (halves, halves[::-1])
        ],
        axis=0,
    )
    # The fewest steps of those that are as good, but for rounding.
    steps = int(np.argmax(held_out <= held_out.min() + _ROUNDING * abs(held_out.min()))) + 1
    chosen = _choose(scores, loss, np.sort(order), members, steps)
    counts = tuple(chosen.count(model) for model in range(len(scores)))
    return Selection(counts, float(held_out[0]), float(held_out[steps - 1]))


def _choose(
    scores: Sequence[Array], loss: Loss, rows: Array, members: int, steps: int
) -> list[int]:
    """Returns the models in the order in which they are added, by some of the examples."""
    chosen: list[int] = []
    total = np.zeros((len(rows), scores[0].shape[1]), np.float32)
    for step in range(1, steps + 1):
        full = len(set(chosen)) == members
        allowed = sorted(set(chosen)) if full else range(len(scores))
        losses = [_mean_loss(total, scores[model], loss, rows, step) for model in allowed]
        best = allowed[int(np.argmin(losses))]
        chosen.append(best)
        total += scores[best][rows]
    return chosen


def _check(scores: Sequence[Array], loss: Loss, chosen: Sequence[int], rows: Array) -> list[float]:
    """Returns the loss after each step of a choice, on other examples."""
    total = np.zeros((len(rows), scores[0].shape[1]), np.float32)
    losses = []
    for step, model in enumerate(chosen, 1):
        losses.append(_mean_loss(total, scores[model], loss, rows, step))
        total += scores[model][rows]
    return losses


def _mean_loss(total: Array, scores: Array, loss: Loss, rows: Array, count: int) -> float:
    """Returns the loss of an average once a model is added to it, a block of rows at a time."""
    found = 0.0
    for start in range(0, len(rows), _AT_ONCE):
        block = slice(start, start + _AT_ONCE)
        found += float(loss((total[block] + scores[rows[block]]) / count).sum(dtype=np.float64))
    return found / total.size
