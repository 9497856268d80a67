"""The rungs of a study that pauses trials: how many met each, and what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hpsearch.search.store import TrialRecord
from hpsearch.search.store.keys import PAUSED_AT, PROMOTED, PRUNED_AT


def epochs_trained(trials: Sequence[TrialRecord]) -> int:
    """Returns how many epochs the trials have trained in all."""
    return sum(max(trial.values_by_epoch, default=0) for trial in trials)


@dataclass(frozen=True)
class RungCount:
    """A rung.

    Attributes:
        epochs: epochs done there.
        met: trials that have done as many.
        continued: of those, trials that went on.
        paused: of those, trials that wait there.
    """

    epochs: int
    met: int
    continued: int
    paused: int

    def __str__(self) -> str:
        waiting = f", {self.paused} paused" if self.paused else ""
        return f"after {self.epochs}: {self.met} met, {self.continued} continued{waiting}"


def count_rungs(trials: Sequence[TrialRecord]) -> list[RungCount]:
    """Returns the rungs at which some trial has paused or continued; none where nothing pauses."""
    if not any(PROMOTED in t.attributes or t.attributes.get(PAUSED_AT) for t in trials):
        return []
    found: set[int] = set()
    for trial in trials:
        known = trial.attributes
        found |= {*known.get(PROMOTED, ()), known.get(PAUSED_AT) or 0, known.get(PRUNED_AT) or 0}
    return [_count(epochs, trials) for epochs in sorted(found - {0})]


def _count(epochs: int, trials: Sequence[TrialRecord]) -> RungCount:
    met = [trial for trial in trials if max(trial.values_by_epoch, default=0) >= epochs]
    continued = sum(epochs in trial.attributes.get(PROMOTED, ()) for trial in met)
    paused = sum(t.state == "paused" and t.attributes.get(PAUSED_AT) == epochs for t in met)
    return RungCount(epochs, len(met), continued, paused)
