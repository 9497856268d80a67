"""On random histories, a pruner that keeps a state decides as Optuna's own does."""

from __future__ import annotations

import math
import random
from typing import Any

import optuna
import pytest
from optuna.trial import Trial, TrialState

from hpsearch.search.pruners import KeptPruner, keeping

PRUNERS: list[tuple[str, dict[str, Any]]] = [
    ("MedianPruner", {}),
    ("MedianPruner", {"n_startup_trials": 0, "n_warmup_steps": 2, "interval_steps": 3}),
    ("PercentilePruner", {"percentile": 25.0, "n_min_trials": 4}),
    ("PercentilePruner", {"percentile": 80.0, "n_startup_trials": 1, "interval_steps": 2}),
    ("SuccessiveHalvingPruner", {}),
    ("SuccessiveHalvingPruner", {"min_resource": 2, "reduction_factor": 3}),
    ("SuccessiveHalvingPruner", {"min_resource": 1, "min_early_stopping_rate": 1}),
    ("SuccessiveHalvingPruner", {"min_resource": 1, "bootstrap_count": 5}),
    ("HyperbandPruner", {"max_resource": 9}),
    ("HyperbandPruner", {"min_resource": 2, "max_resource": 20, "reduction_factor": 2}),
    ("HyperbandPruner", {}),
]
LENGTH = 12


class Twins:
    """One history in two studies: Optuna's pruner looks at one, ours at the other."""

    def __init__(self, name: str, arguments: dict[str, Any], direction: str) -> None:
        self._name, self._arguments = name, arguments
        self.studies = [optuna.create_study(study_name="s", direction=direction) for _ in range(2)]
        self.restart()

    def _build(self) -> optuna.pruners.BasePruner:
        pruner: optuna.pruners.BasePruner = getattr(optuna.pruners, self._name)(**self._arguments)
        return pruner

    def restart(self) -> None:
        """Begins with pruners that know nothing but the trials there are."""
        self.studies[0].pruner = self._build()
        self.kept = keeping(self._build(), self._arguments)
        assert isinstance(self.kept, KeptPruner)
        study = self.studies[1]
        self.kept.know(study, study.get_trials(deepcopy=False))
        study.pruner = self.kept

    def ask(self) -> tuple[Trial, Trial]:
        first, second = (study.ask() for study in self.studies)
        return first, second

    def report(self, trials: tuple[Trial, Trial], step: int, value: float) -> bool:
        for trial in trials:
            trial.report(value, step)
        ours, theirs = (trial.should_prune() for trial in reversed(trials))
        assert ours == theirs, f"trial {trials[0].number}, step {step}"
        return ours

    def tell(self, trials: tuple[Trial, Trial], state: TrialState) -> None:
        for study, trial in zip(self.studies, trials, strict=True):
            study.tell(trial, 0.0 if state == TrialState.COMPLETE else None, state=state)
        if state == TrialState.COMPLETE:
            assert isinstance(self.kept, KeptPruner)
            self.kept.complete(self.studies[1].get_trials(deepcopy=False)[trials[1].number])


# Optuna's own says it, where a step has no value but NaN.
@pytest.mark.filterwarnings("ignore:All-NaN slice encountered:RuntimeWarning")
@pytest.mark.parametrize("direction", ["minimize", "maximize"])
@pytest.mark.parametrize(("name", "arguments"), PRUNERS, ids=lambda given: str(given))
@pytest.mark.parametrize("seed", range(3))
def test_decisions_are_those_of_optuna(
    name: str, arguments: dict[str, Any], direction: str, seed: int
) -> None:
    chance = random.Random(seed)
    twins, running, pruned = Twins(name, arguments, direction), [], 0
    for _ in range(700):
        if len(running) < 6 and chance.random() < 0.3:
            running.append((twins.ask(), 0))
        if not running:
            continue
        trials, step = running.pop(chance.randrange(len(running)))
        step += 1 if chance.random() < 0.9 else 2
        value = chance.choice([0.0, 1.0, math.nan, *[chance.random()] * 16])
        if twins.report(trials, step, value):
            pruned += 1
            # Some go on all the same: those that are trained whole.
            if chance.random() < 0.8:
                twins.tell(trials, TrialState.PRUNED)
                continue
        if step >= LENGTH or chance.random() < 0.05:
            twins.tell(trials, chance.choice([TrialState.COMPLETE] * 4 + [TrialState.FAIL]))
        else:
            running.append((trials, step))
        if chance.random() < 0.01:
            twins.restart()
    assert pruned > 5


def test_a_pruner_of_the_users_own_stays_as_it_is() -> None:
    class Own(optuna.pruners.MedianPruner):
        """Of which it is not known what it decides."""

    for pruner in (Own(), optuna.pruners.NopPruner(), optuna.pruners.PatientPruner(None, 3)):
        arguments = {"wrapped_pruner": None, "patience": 3} if hasattr(pruner, "_patience") else {}
        assert keeping(pruner, arguments) is pruner
