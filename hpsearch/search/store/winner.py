"""Which trial of a study is the one to take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hpsearch.protocol.types import Direction, primary, sign_of

if TYPE_CHECKING:
    from hpsearch.search.store.records import TrialRecord


def find_winner(
    trials: Sequence[TrialRecord],
    objectives: Mapping[str, Direction],
    confirmation: Mapping[str, Any] | None,
) -> TrialRecord | None:
    """Returns the trial that the confirmation chose, or else the best one; None if none is.

    Args:
        trials: those of the study.
        objectives: of several, the first decides.
        confirmation: what `hpsearch confirm` found; None before.
    """
    complete = [trial for trial in trials if trial.state == "complete" and trial.values]
    chosen = (confirmation or {}).get("chosen")
    sign = sign_of(primary(objectives)[1])
    best = max(complete, key=lambda trial: sign * (trial.values or (0.0,))[0], default=None)
    return next((trial for trial in complete if trial.number == chosen), best)
