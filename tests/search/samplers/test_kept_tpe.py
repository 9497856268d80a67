"""On random histories, the TPE that keeps the trials proposes what Optuna's own does."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.samplers import TPESampler
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from hpsearch.search.samplers import MOST_OTHERS, KeptTPE, TrialHistory, keeping
from hpsearch.search.store.sampling import hand_over

OPTIONS: list[dict[str, Any]] = [
    {"group": True},
    {"group": True, "constant_liar": False, "n_startup_trials": 3},
    {"multivariate": True},
    {"multivariate": False},
    {},
]
DIRECTIONS = [["maximize"], ["minimize"], ["maximize"], ["minimize"], ["minimize", "maximize"]]


def suggest(trial: Trial) -> None:
    """A space with every kind of range, and with branches."""
    trial.suggest_float("x", -1, 1)
    if trial.suggest_categorical("branch", ["a", "b", "c"]) == "a":
        trial.suggest_float("a.log", 1e-4, 1, log=True)
        trial.suggest_int("a.int", 1, 64, log=True)
    else:
        trial.suggest_float("b.step", 0, 1, step=0.25)
        trial.suggest_int("b.one", 3, 3)


class Twins:
    """One history in two studies: Optuna's sampler proposes for one, ours for the other."""

    def __init__(self, options: dict[str, Any], directions: list[str]) -> None:
        self.studies = [optuna.create_study(directions=directions) for _ in range(2)]
        self._options = options

    def ask(self, number: int, *, take: bool = True) -> list[Trial]:
        theirs, ours = self.studies
        theirs.sampler = TPESampler(seed=number, **self._options)
        sampler = KeptTPE(seed=number, **self._options)
        hand_over(ours.sampler, sampler)
        ours.sampler = sampler
        # Not `study.ask()`, which would take a trial that waits.
        trials = [Trial(s, s._storage.create_new_trial(s._study_id)) for s in self.studies]
        for trial in trials:
            suggest(trial) if take else trial.suggest_float("x", -1, 1)
        assert trials[1].params == trials[0].params
        return trials


def end(twins: Twins, trials: list[Trial], chance: random.Random) -> None:
    """Ends a trial in one of the ways there are."""
    several = len(twins.studies[0].directions) > 1
    how = chance.choice(["complete"] * 4 + ["pruned"] * 4 + ["failed", "waits", "infeasible"])
    value, curve = chance.choice([0.5, chance.random()]), chance.randrange(3)
    for study, trial in zip(twins.studies, trials, strict=True):
        for step in range(0 if several else curve):
            trial.report(math.nan if how == "pruned" and value > 0.9 else value, step)
        if how == "waits":
            study._storage.set_trial_state_values(trial._trial_id, TrialState.WAITING)
        elif how == "complete":
            study.tell(trial, [value] * len(study.directions))
        elif how == "infeasible":
            trial.set_constraint("memory", 1 + value)
            study.tell(trial, state=TrialState.PRUNED)
        else:
            study.tell(trial, state=TrialState.PRUNED if how == "pruned" else TrialState.FAIL)


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize(
    ("options", "directions"),
    [*zip(OPTIONS, DIRECTIONS, strict=True)],
    ids=str,
)
def test_proposals_are_those_of_optuna(options: dict[str, Any], directions: list[str]) -> None:
    chance = random.Random(0)
    twins = Twins(options, directions)
    running: list[list[Trial]] = []
    for number in range(40):
        running.append(twins.ask(number, take=chance.random() > 0.1))
        while len(running) > chance.randrange(6):
            end(twins, running.pop(chance.randrange(len(running))), chance)
        if chance.random() < 0.05:
            twins.studies[1].sampler = KeptTPE(**options)  # as after a restart


def test_a_sampler_of_somebody_elses_stays_as_it_is() -> None:
    class Own(TPESampler):
        """Of which it is not known what it proposes."""

    for sampler in (Own(), optuna.samplers.RandomSampler()):
        assert keeping(sampler, {}) is sampler
    assert isinstance(keeping(TPESampler(), {}), KeptTPE)


def finished(number: int) -> FrozenTrial:
    trial = create_trial(
        params={"x": number / 10_000}, distributions={"x": FloatDistribution(0, 1)}, value=number
    )
    trial.number = number
    return trial


def test_of_many_trials_the_good_ones_are_compared_with_as_many_others_as_are_affordable() -> None:
    history = TrialHistory()
    trials = [finished(number) for number in range(MOST_OTHERS + 525)]
    history.update(trials, sign=1.0)

    good, others = history.split(len(trials), ["x"], running=True)

    assert [*good["x"]] == [trial.params["x"] for trial in trials[:25]]
    assert len(others["x"]) == MOST_OTHERS
    assert others["x"][0] == trials[25].params["x"]
    assert others["x"][-1] == trials[-1].params["x"]
    assert np.diff(others["x"]).max() < 2.5e-4
