"""What the trials of a study are compared by: their values after equally many epochs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hpsearch.protocol.types import Direction, sign_of
from hpsearch.search.rungs import VALUES_BY_EPOCH
from hpsearch.search.store import TrialRecord

ENOUGH = 30  # trials
_AT_END = 0
_STOPPED = ("complete", "pruned", "paused")


@dataclass(frozen=True)
class Basis:
    """Where the trials of a study are compared, and their values there.

    Attributes:
        epoch: epochs after which they are compared; 0 for their end.
        values: by number, the objectives' values at the best epoch until then, of every trial that
            has trained as long.
    """

    epoch: int = _AT_END
    values: Mapping[int, tuple[float, ...]] = field(default_factory=dict)


def find_basis(trials: Sequence[TrialRecord], direction: Direction) -> Basis:
    """Returns the latest epoch that half of the trials have reached, 30 being always enough.

    A complete trial has reached every epoch, and the end. Those that still train, or failed, do not
    decide where trials are compared.

    Args:
        trials: those of the study.
        direction: of the first objective, which decides which epoch of a trial is its best.
    """
    reached = sorted(filter(None, map(_stopped_after, trials)), reverse=True)
    if not reached:
        return Basis()
    last = reached[min(ENOUGH, math.ceil(len(reached) / 2)) - 1]
    epoch = _AT_END if math.isinf(last) else int(last)
    found = {t.number: _values(t, epoch, direction) for t in trials if t.state != "failed"}
    return Basis(epoch, {number: values for number, values in found.items() if values is not None})


def _stopped_after(trial: TrialRecord) -> float:
    """Returns after how many epochs a trial stopped; infinite if complete, 0 if it has not."""
    if trial.state not in _STOPPED:
        return 0
    if trial.state == "complete":
        return math.inf if trial.values else 0
    return max(trial.values_by_epoch, default=0)


def _values(trial: TrialRecord, epoch: int, direction: Direction) -> tuple[float, ...] | None:
    """Returns a trial's values at its best epoch until one; None if it has not come so far."""
    complete = trial.state == "complete" and trial.values is not None
    if complete and (epoch == _AT_END or not trial.values_by_epoch):
        return trial.values
    if not complete and not 0 < epoch <= max(trial.values_by_epoch, default=0):
        return None
    return values_until(trial, direction, epoch)


def values_until(
    trial: TrialRecord, direction: Direction, epoch: float = math.inf
) -> tuple[float, ...] | None:
    """Returns a trial's values at its best epoch until one; None if it has none.

    Args:
        trial: any trial.
        direction: of the first objective.
        epoch: the last one that counts.
    """
    several = trial.attributes.get(VALUES_BY_EPOCH) or {}
    sign = sign_of(direction)
    known = [
        (sign * value, tuple(several.get(str(step), (value,))))
        for step, value in trial.values_by_epoch.items()
        if step <= epoch and not math.isnan(value)
    ]
    return max(known, default=(0.0, None), key=lambda one: one[0])[1]
