"""Chooses the models to average: greedy selection with replacement (Caruana et al. 2004).

It begins with the best model and repeatedly adds the model that makes the average best; a model
added twice counts twice. With each step, the choice overfits its examples a little more, so other
examples decide when to stop: the selection runs on either half of the examples and is checked on
the other half (as in Caruana, Munson and Niculescu-Mizil 2006). Then it runs once more, on all of
them, with the number of steps that was best there.
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
    """Returns the cross-entropy of the probabilities of the targets."""
    return -np.log(np.maximum(probabilities, 1e-12))


def doubt_loss(probabilities: Array) -> Array:
    """Returns the cross-entropy of the targets' probabilities in so far as they are below 1/2.

    With more than half of the probability an answer is right, however sure the model is. So models
    can be compared that differ in label smoothing, which costs log loss but no answer.
    """
    return log_loss(np.minimum(2 * probabilities, 1.0))


def squared_error(residuals: Array) -> Array:
    """Returns the squares of residuals."""
    return np.square(residuals)


LOSSES: dict[str, Loss] = {
    "log loss": log_loss,
    "log loss of doubtful answers": doubt_loss,
    "squared error": squared_error,
}


@dataclass(frozen=True)
class Selection:
    """The models to average.

    Attributes:
        counts: how often each model occurs in the average, 0 or more.
        alone: the loss of the best model alone, on examples that took no part in its choice.
        together: the same for the average.
    """

    counts: tuple[int, ...]
    alone: float
    together: float


def select(scores: Sequence[Array], loss: Loss, members: int, seed: int) -> Selection:
    """Returns which models to average, and how much that gains.

    Args:
        scores: those of each model, best first, `(N, E)`: they are averaged and go into the loss.
        loss: the loss of averaged scores, number by number; smaller is better.
        members: the most different models.
        seed: decides the halves.
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
    # Of the numbers of steps that are equally good up to rounding, the smallest.
    steps = int(np.argmax(held_out <= held_out.min() + _ROUNDING * abs(held_out.min()))) + 1
    chosen = _choose(scores, loss, np.sort(order), members, steps)
    counts = tuple(chosen.count(model) for model in range(len(scores)))
    return Selection(counts, float(held_out[0]), float(held_out[steps - 1]))


def _choose(
    scores: Sequence[Array], loss: Loss, rows: Array, members: int, steps: int
) -> list[int]:
    """Returns the models in the order in which they are added, given some of the examples."""
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
    """Returns the loss of an average after adding a model, one block of rows at a time."""
    found = 0.0
    for start in range(0, len(rows), _AT_ONCE):
        block = slice(start, start + _AT_ONCE)
        found += float(loss((total[block] + scores[rows[block]]) / count).sum(dtype=np.float64))
    return found / total.size
