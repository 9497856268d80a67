"""A trial's values after each epoch, for all objectives."""

from __future__ import annotations

from collections.abc import Sequence

from optuna.trial import FrozenTrial

# Optuna stores values by epoch only for studies with one objective.
VALUES_BY_EPOCH = "all_values_by_epoch"


def curve_of(trial: FrozenTrial) -> dict[int, Sequence[float]]:
    """Returns the objectives' values after each epoch that a trial has reported."""
    if several := trial.user_attrs.get(VALUES_BY_EPOCH):
        return {int(step): values for step, values in several.items()}
    return {step: (value,) for step, value in trial.intermediate_values.items()}
