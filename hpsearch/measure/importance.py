"""How much each parameter has to do with the result, from trials that can be compared."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from copy import copy
from functools import partial

import optuna
from optuna.trial import FrozenTrial, TrialState

from hpsearch.measure.basis import Basis
from hpsearch.protocol.types import Direction, sign_of
from hpsearch.search.store import study_of

_FEWEST = 10


def measure_importance(
    trials: Sequence[FrozenTrial], objectives: Mapping[str, Direction], basis: Basis
) -> dict[str, Mapping[str, float]]:
    """Returns each parameter's share of the variation of each objective, 0 to 1.

    A single parameter always has all of it, and a few trials show none: neither is reported.

    Args:
        trials: those of the study.
        objectives: metric name to direction, in order.
        basis: where they are compared.
    """
    signs = [-sign_of(direction) for direction in objectives.values()]
    compared = [
        _ended(trial, [sign * value for sign, value in zip(signs, values, strict=True)])
        for trial in trials
        if (values := basis.values.get(trial.number)) is not None
    ]
    searched = {name for trial in compared for name in trial.params}
    if len(compared) < _FEWEST or len(searched) < 2:
        return {}
    study = study_of(compared, ["minimize"] * len(objectives))
    shares: dict[str, Mapping[str, float]] = {}
    for place, name in enumerate(objectives):
        # PED-ANOVA warns at every call that low values count as good.
        with warnings.catch_warnings(), suppress(ValueError, RuntimeError):
            # Trials that are all of the same value are a ValueError.
            warnings.simplefilter("ignore")
            shares[name] = optuna.importance.get_param_importances(
                study, target=partial(_value, place)
            )
    return shares


def _value(place: int, trial: FrozenTrial) -> float:
    return float(trial.values[place])


def _ended(trial: FrozenTrial, losses: list[float]) -> FrozenTrial:
    """Returns a copy of a trial that ended with these losses."""
    ended = copy(trial)
    ended.state, ended.values = TrialState.COMPLETE, losses
    return ended
