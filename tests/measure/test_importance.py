"""Which trials the importance of the parameters comes from."""

from __future__ import annotations

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from hpsearch.measure.basis import Basis
from hpsearch.measure.importance import measure_importance

UNIT = FloatDistribution(0, 1)
GOAL = {"score": "maximize"}


def trials(count: int, state: TrialState) -> list[FrozenTrial]:
    """Trials that have stopped without a value."""
    study = optuna.create_study()
    for number in range(count):
        params = {"decides": number / count, "does_not": number * 7 % count / count}
        known = {"params": params, "distributions": dict.fromkeys(params, UNIT)}
        study.add_trial(create_trial(state=state, **known))
    return study.trials


@pytest.mark.parametrize("state", [TrialState.WAITING, TrialState.PRUNED, TrialState.RUNNING])
def test_trials_count_by_their_value_where_they_are_compared(state: TrialState) -> None:
    made = trials(40, state)
    found = measure_importance(made, GOAL, Basis(4, {n: (float(n),) for n in range(40)}))
    assert found["score"]["decides"] > 0.9
    assert [trial.state for trial in made] == [state] * 40, "not changed"


def test_those_that_have_not_come_so_far_say_nothing() -> None:
    made = trials(40, TrialState.PRUNED)
    assert measure_importance(made, GOAL, Basis(4, {n: (float(n),) for n in range(9)})) == {}
    assert measure_importance(made, GOAL, Basis(4, {n: (float(n),) for n in range(10)})) != {}
