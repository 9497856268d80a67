"""Types that both wings share: values, directions, and the primary objective."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Scalar = None | bool | int | float | str
Direction = Literal["maximize", "minimize"]
FINALISTS = 3  # as many of the best trials as a confirmation compares, unless it is given another


def primary(objectives: Mapping[str, Direction]) -> tuple[str, Direction]:
    """Returns the first objective and its direction: it ranks the trials and decides pruning."""
    return next(iter(objectives.items()))


def sign_of(direction: Direction) -> Literal[1, -1]:
    """Returns the factor that makes greater values better."""
    return 1 if direction == "maximize" else -1


def counts_answers(metric: str) -> bool:
    """Returns whether a metric is by its name an accuracy or an error rate, 0 to 1."""
    return any(word in metric.lower() for word in ("acc", "error_rate"))


def generalization_gap(
    metrics: Mapping[str, float], objective: str, direction: Direction
) -> float | None:
    """Returns by how much the objective is better in training than in validation.

    Args:
        metrics: what was logged after an epoch; `train_loss` is the partner of `val_loss`.
        objective: name of the metric.
        direction: which way is better.

    Returns:
        Above 0 where training is better; None if the metric has no partner.
    """
    phase, _, kind = objective.partition("_")
    partner = metrics.get(f"train_{kind}")
    if phase != "val" or partner is None:
        return None
    return sign_of(direction) * (partner - metrics[objective])
