"""How much each parameter has to do with the result, from trials that can be compared."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, field
from functools import partial

import optuna
from optuna.trial import FrozenTrial, TrialState

from hpsearch.protocol.types import Direction, sign_of
from hpsearch.search.rungs import Losses, losses_by
from hpsearch.search.store import study_of

ENOUGH = 30  # trials
_FEWEST = 10
_AT_END = 0
_FAILED = TrialState.FAIL


@dataclass(frozen=True)
class Importance:
    """The importance of the parameters.

    Attributes:
        shares: by objective, the parameters' shares of its variation, 0 to 1.
        trials: from how many trials it comes.
        rung: epochs after which they are compared; 0 for their end.
    """

    shares: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    trials: int = 0
    rung: int = _AT_END


def measure_importance(
    trials: Sequence[FrozenTrial],
    objectives: Mapping[str, Direction],
    rungs: Sequence[int] = (),
) -> Importance:
    """Returns each parameter's importance for each objective, as far as the trials show it.

    Complete trials are compared at their end if there are enough. Otherwise all that have reached a
    rung are compared there, as the sampler of rungs does: at the highest that enough have reached,
    or else where there are the most.

    A single parameter always has all of it, and a few trials show none: neither is reported.

    Args:
        trials: those of the study.
        objectives: metric name to direction, in order.
        rungs: epochs of the rungs at which trials pause.
    """
    rung, compared = _comparable(trials, [-sign_of(way) for way in objectives.values()], rungs)
    searched = {name for trial in compared for name in trial.params}
    shares: dict[str, dict[str, float]] = {}
    if len(compared) < _FEWEST or len(searched) < 2:
        return Importance()
    study = study_of(compared, ["minimize"] * len(objectives))
    for place, name in enumerate(objectives):
        # PED-ANOVA warns at every call that low values count as good.
        with warnings.catch_warnings(), suppress(ValueError, RuntimeError):
            # Trials that are all of the same value are a ValueError.
            warnings.simplefilter("ignore")
            shares[name] = optuna.importance.get_param_importances(
                study, target=partial(_value, place)
            )
    return Importance(shares, len(compared), rung)


def _value(place: int, trial: FrozenTrial) -> float:
    return float(trial.values[place])


def _comparable(
    trials: Sequence[FrozenTrial], signs: Sequence[int], rungs: Sequence[int]
) -> tuple[int, list[FrozenTrial]]:
    """Returns where trials are compared, and copies of these trials that ended there."""
    found: tuple[int, list[FrozenTrial]] = (_AT_END, [])
    for rung in (_AT_END, *sorted(rungs, reverse=True)):
        known = [
            (trial, losses_by(trial, rung or sys.maxsize, signs))
            for trial in trials
            if trial.state != _FAILED
        ]
        ended = [_ended(trial, losses) for trial, losses in known if losses is not None]
        if len(ended) > len(found[1]):
            found = rung, ended
        if len(ended) >= ENOUGH:
            break
    return found


def _ended(trial: FrozenTrial, losses: Losses) -> FrozenTrial:
    ended = copy(trial)
    ended.state, ended.values = TrialState.COMPLETE, list(losses)
    return ended
