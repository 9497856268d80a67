"""The rungs of a study that pauses trials: which trials reached each, and whether it was right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from hpsearch.measure.basis import values_until
from hpsearch.protocol.types import Direction, sign_of
from hpsearch.search.store import TrialRecord
from hpsearch.search.store.keys import AUDITED_AT, PAUSED_AT, PROMOTED, PRUNED_AT


def epochs_trained(trials: Sequence[TrialRecord]) -> int:
    """Returns how many epochs the trials have trained in all."""
    return sum(max(trial.values_by_epoch, default=0) for trial in trials)


@dataclass(frozen=True)
class RungCount:
    """A rung.

    Attributes:
        epochs: epochs done there.
        met: trials that reached it.
        continued: of those, trials that continued.
        paused: of those, trials that are paused there.
    """

    epochs: int
    met: int
    continued: int
    paused: int

    def __str__(self) -> str:
        waiting = f", {self.paused} paused" if self.paused else ""
        return f"after {self.epochs}: {self.met} met, {self.continued} continued{waiting}"


def count_rungs(trials: Sequence[TrialRecord]) -> list[RungCount]:
    """Returns the rungs at which some trial paused or continued; none if nothing pauses."""
    if not any(PROMOTED in t.attributes or t.attributes.get(PAUSED_AT) for t in trials):
        return []
    found: set[int] = set()
    for trial in trials:
        known = trial.attributes
        found |= {*known.get(PROMOTED, ()), known.get(PAUSED_AT) or 0, known.get(PRUNED_AT) or 0}
    return [_count(epochs, trials) for epochs in sorted(found - {0})]


@dataclass(frozen=True)
class RungAudit:
    """Whether a rung was right, as far as the trials that were trained to their end can tell.

    Attributes:
        epochs: epochs done at the rung.
        audited: trials that would have paused there but were trained to their end.
        wrong: of those, trials that ended better than half of the trials that the rung let continue
            to their end.
        winners: of those, trials that ended better than every other trial of the study.
        whole: trials that were trained to their end.
        correlation: Spearman's rank correlation of their values at the rung with those at their
            end, -1 to 1; None if there are fewer than three, or all are equal.
    """

    epochs: int
    audited: int
    wrong: int
    winners: int
    whole: int
    correlation: float | None


def audit_rungs(trials: Sequence[TrialRecord], direction: Direction) -> list[RungAudit]:
    """Returns what the audited trials say about each rung; none if nothing was audited."""
    if not any(trial.attributes.get(AUDITED_AT) for trial in trials):
        return []
    sign = sign_of(direction)
    final_values = {
        t.number: sign * t.values[0] for t in trials if t.state == "complete" and t.values
    }
    whole = [trial for trial in trials if trial.number in final_values]
    return [_audit(rung.epochs, whole, final_values, direction) for rung in count_rungs(trials)]


def _audit(
    epochs: int,
    whole: Sequence[TrialRecord],
    final_values: Mapping[int, float],
    direction: Direction,
) -> RungAudit:
    audited = [final_values[t.number] for t in whole if t.attributes.get(AUDITED_AT) == epochs]
    continued = [final_values[t.number] for t in whole if not t.attributes.get(AUDITED_AT)]
    bar = median(continued) if continued else None
    first = max(final_values.values(), default=0.0)
    sign = sign_of(direction)
    known = [
        (sign * values[0], final_values[trial.number])
        for trial in whole
        if (values := values_until(trial, direction, epochs))
    ]
    return RungAudit(
        epochs,
        len(audited),
        sum(bar is not None and end > bar for end in audited),
        sum(end == first and end not in continued for end in audited),
        len(known),
        _correlation(known),
    )


def _correlation(pairs: Sequence[tuple[float, float]]) -> float | None:
    if len(pairs) < 3 or any(len(set(side)) == 1 for side in zip(*pairs, strict=True)):
        return None
    # It takes a second to load, and only a report needs it.
    from scipy.stats import spearmanr

    return float(spearmanr(*zip(*pairs, strict=True)).statistic)


def _count(epochs: int, trials: Sequence[TrialRecord]) -> RungCount:
    met = [trial for trial in trials if max(trial.values_by_epoch, default=0) >= epochs]
    continued = sum(epochs in trial.attributes.get(PROMOTED, ()) for trial in met)
    paused = sum(t.state == "paused" and t.attributes.get(PAUSED_AT) == epochs for t in met)
    return RungCount(epochs, len(met), continued, paused)
