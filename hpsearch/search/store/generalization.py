"""How much better a trial is on what it trained on than on what it did not."""

from __future__ import annotations

from collections.abc import Mapping

from hpsearch.protocol.types import Direction

_VALIDATION = "val"


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
    if phase != _VALIDATION or partner is None:
        return None
    ahead = partner - metrics[objective]
    return ahead if direction == "maximize" else -ahead
