"""Estimates a search's cost from a few measured batches of its extremes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Any

# Each trial keeps its last checkpoint, to continue from, and its best.
CHECKPOINTS_KEPT = 2


@dataclass(frozen=True)
class Cost:
    """Time and disk of a search in which no trial is pruned.

    Attributes:
        shortest_s: seconds of the quickest trial measured.
        longest_s: seconds of the slowest.
        total_s: seconds of the whole search, on all its slots; None if only time bounds it.
        disk_bytes: bytes of all checkpoints; None without a number of trials.
    """

    shortest_s: float
    longest_s: float
    total_s: float | None
    disk_bytes: float | None


def epoch_seconds(probe: Mapping[str, Any]) -> float:
    """Returns the seconds that an epoch and its validation take, from what a probe measured."""
    return float(probe["seconds_per_step"] * probe["steps_per_epoch"] + probe["validation_seconds"])


def trial_seconds(probe: Mapping[str, Any]) -> float:
    """Returns the seconds of a whole trial, as far as its length is known: at least an epoch."""
    batches = probe["training_batches"] or probe["steps_per_epoch"]
    validations = probe["validations"] or 1
    training = probe["seconds_per_step"] * batches
    return float(training + probe["validation_seconds"] * validations)


def estimate(
    probes: Sequence[Mapping[str, Any]],
    trials: int | None,
    slots: int,
    epochs: int | None = None,
) -> Cost:
    """Returns the cost of a search whose trials are like the measured ones on average.

    Args:
        probes: what was measured, at least one.
        trials: the study's budget; None without one.
        slots: how many trials train at once.
        epochs: the study's budget in epochs, over all trials; None without one.
    """
    seconds = [trial_seconds(probe) for probe in probes]
    bytes_each = sum(probe["checkpoint_bytes"] for probe in probes) / len(probes)
    totals = []
    if trials is not None:
        totals.append(-(-trials // slots) * mean(seconds))
    if epochs is not None:
        totals.append(epochs / slots * mean(map(epoch_seconds, probes)))
    return Cost(
        shortest_s=min(seconds),
        longest_s=max(seconds),
        total_s=min(totals, default=None),
        disk_bytes=None if trials is None else trials * CHECKPOINTS_KEPT * bytes_each,
    )
