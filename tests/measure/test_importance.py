"""Which trials the importance of the parameters comes from."""

from __future__ import annotations

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from hpsearch.measure.importance import measure_importance

UNIT = FloatDistribution(0, 1)


def trials(count: int, *, complete: int, epochs: int, state: TrialState) -> list[FrozenTrial]:
    """Trials whose value `decides` decides from the first epoch on; the first ones are complete."""
    study = optuna.create_study()
    for number in range(count):
        params = {"decides": number / count, "does_not": number * 7 % count / count}
        known = {"params": params, "distributions": dict.fromkeys(params, UNIT)}
        is_whole = number < complete
        curve = {epoch: number + epoch / 100 for epoch in range(1, 9 if is_whole else epochs + 1)}
        how = TrialState.COMPLETE if is_whole else state
        values = {"value": curve[8]} if is_whole else {}
        study.add_trial(create_trial(state=how, intermediate_values=curve, **known, **values))
    return study.trials


@pytest.mark.parametrize("state", [TrialState.WAITING, TrialState.PRUNED, TrialState.RUNNING])
@pytest.mark.parametrize(
    ("complete", "epochs", "basis"),
    [
        (30, 4, (30, 0)),  # enough are complete
        (5, 4, (40, 4)),  # the highest rung that enough have reached
        (5, 3, (40, 1)),  # nobody has stopped at rung 4
        (5, 0, (0, 0)),  # the others have not reported
    ],
)
def test_trials_are_compared_where_enough_of_them_can_be(
    complete: int, epochs: int, basis: tuple[int, int], state: TrialState
) -> None:
    made = trials(40, complete=complete, epochs=epochs, state=state)
    found = measure_importance(made, {"score": "maximize"}, rungs=(1, 4))
    assert (found.trials, found.rung) == basis
    if found.trials > 30:
        assert found.shares["score"]["decides"] > 0.9
    assert [trial.state for trial in made[complete:]] == [state] * (40 - complete), "not changed"


def test_few_trials_are_compared_where_there_are_the_most() -> None:
    made = trials(12, complete=3, epochs=1, state=TrialState.PRUNED)
    found = measure_importance(made, {"score": "minimize"}, rungs=(1, 4))
    assert (found.trials, found.rung) == (12, 1)
    assert measure_importance(made, {"score": "minimize"}).shares == {}, "without rungs"


def test_failed_trials_say_nothing() -> None:
    made = trials(40, complete=5, epochs=4, state=TrialState.FAIL)
    assert measure_importance(made, {"score": "maximize"}, rungs=(1, 4)).trials == 0
