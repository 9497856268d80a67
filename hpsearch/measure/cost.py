"""Estimates a search's cost from a few measured batches of its extremes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Any

from hpsearch.search.rungs import places, rungs_up_to
from hpsearch.studyfile.algorithms import Promote

# Each trial keeps its last checkpoint, to continue from, and its best.
CHECKPOINTS_KEPT = 2


@dataclass(frozen=True)
class Pauses:
    """How much a search trains whose trials pause at rungs.

    Attributes:
        rungs: epochs after which trials pause.
        eta: one trial in this many continues.
        trained: epochs that the trials train in all.
        whole: epochs that they would train if none paused.
    """

    rungs: tuple[int, ...]
    eta: int
    trained: int
    whole: int


@dataclass(frozen=True)
class Cost:
    """Time and disk of a search in which no trial is pruned.

    Attributes:
        shortest_s: seconds of the quickest trial measured.
        longest_s: seconds of the slowest.
        total_s: seconds of the whole search, on all its slots; None if only time bounds it.
        disk_bytes: bytes of all checkpoints; None without a number of trials.
        pauses: what pauses at rungs leave of its training; None where nothing pauses, or the budget
            in epochs ends the search before that.
    """

    shortest_s: float
    longest_s: float
    total_s: float | None
    disk_bytes: float | None
    pauses: Pauses | None = None


def plan_pauses(promote: Promote | None, longest: int | None, trials: int | None) -> Pauses | None:
    """Returns how much a search trains; None if nothing pauses, or its size is unknown.

    Of the trials that reach a rung, one in `eta` continues, or as many as a confirmation needs.

    Args:
        promote: where trials pause; None if they do not.
        longest: epochs of a whole training; None if unknown.
        trials: how many there are; None if unknown.
    """
    if promote is None or longest is None or trials is None:
        return None
    rungs = rungs_up_to(longest, promote.eta, promote.first)
    trained, done, met = 0, 0, trials
    for stop in (*rungs, longest):
        trained += met * (stop - done)
        done, met = stop, places(met, promote.eta, closing=True)
    whole = trials * longest
    return Pauses(rungs, promote.eta, trained, whole) if trained < whole else None


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
    pauses: Pauses | None = None,
) -> Cost:
    """Returns the cost of a search whose trials are like the measured ones on average.

    Args:
        probes: what was measured, at least one.
        trials: the study's budget; None without one.
        slots: how many trials train at once.
        epochs: the study's budget in epochs, over all trials; None without one.
        pauses: how much the trials train if they pause; None if they do not.
    """
    seconds = [trial_seconds(probe) for probe in probes]
    bytes_each = sum(probe["checkpoint_bytes"] for probe in probes) / len(probes)
    totals = []
    if trials is not None:
        share = pauses.trained / pauses.whole if pauses else 1.0
        totals.append(-(-trials // slots) * mean(seconds) * share)
    if epochs is not None:
        totals.append(epochs / slots * mean(map(epoch_seconds, probes)))
        pauses = pauses if totals[0] < totals[-1] else None
    return Cost(
        shortest_s=min(seconds),
        longest_s=max(seconds),
        total_s=min(totals, default=None),
        disk_bytes=None if trials is None else trials * CHECKPOINTS_KEPT * bytes_each,
        pauses=pauses,
    )
