"""The sampler that learns from rungs, on Optuna's own storage."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import optuna
import pytest
from optuna.trial import Trial, TrialState

from hpsearch.search.rungs.curve import VALUES_BY_EPOCH
from hpsearch.search.rungs.history import RungHistory, deciding_rung, losses_by
from hpsearch.search.rungs.priors import Priors
from hpsearch.search.rungs.sampler import RungSampler, split
from hpsearch.search.samplers import MOST_OTHERS


def paused(study: optuna.Study, params: Callable[[Trial], float], epochs: int = 1) -> Trial:
    """A trial that has reported so often and waits."""
    trial = Trial(study, study._storage.create_new_trial(study._study_id))
    value = params(trial)
    for epoch in range(1, epochs + 1):
        trial.report(value, epoch)
    study._storage.set_trial_state_values(trial._trial_id, TrialState.WAITING)
    return trial


def bowl(trial: Trial) -> float:
    return abs(trial.suggest_float("x", 0, 1) - 0.2)


def study_of(sampler: RungSampler, **options: object) -> optuna.Study:
    return optuna.create_study(sampler=sampler, **options)


def proposals(study: optuna.Study, count: int) -> list[float]:
    return [paused(study, bowl).params["x"] for _ in range(count)]


def test_it_learns_from_paused_trials_alone():
    study = study_of(RungSampler(9, seed=0))
    proposals(study, 30)
    late = proposals(study, 20)
    assert sum(abs(x - 0.2) < 0.15 for x in late) >= 12


def test_optunas_own_tpe_does_not_see_them():
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0))
    proposals(study, 30)
    late = proposals(study, 20)
    assert sum(abs(x - 0.2) < 0.15 for x in late) < 12


def test_it_maximizes_too():
    study = study_of(RungSampler(9, seed=0), direction="maximize")
    for _ in range(30):
        paused(study, lambda trial: -bowl(trial))
    late = [paused(study, lambda trial: -bowl(trial)).params["x"] for _ in range(20)]
    assert sum(abs(x - 0.2) < 0.15 for x in late) >= 12


def test_the_same_seed_and_trials_give_the_same_proposal():
    runs = [proposals(study_of(RungSampler(9, seed=3)), 15) for _ in range(2)]
    assert runs[0] == runs[1]


def test_the_highest_rung_that_enough_trials_have_met_decides():
    """After one epoch x near 0 looks best, after nine x near 1: those that got there decide."""
    study = study_of(RungSampler(9, seed=1))
    for i in range(40):
        trial = Trial(study, study._storage.create_new_trial(study._study_id))
        x = trial.suggest_float("x", 0, 1)
        trial.report(x, 1)
        if i % 4 == 0:
            trial.report(x, 3)
            trial.report(-2 * x, 9)
        study._storage.set_trial_state_values(trial._trial_id, TrialState.WAITING)
    late = [paused(study, lambda t: t.suggest_float("x", 0, 1)).params["x"] for _ in range(10)]
    assert sum(x > 0.5 for x in late) >= 7


def test_no_trial_is_compared_with_all_others(monkeypatch: pytest.MonkeyPatch):
    """Of thousands of trials that would take longer than an epoch."""
    study = study_of(RungSampler(9, seed=0))
    proposals(study, 20)

    def compare(one: object, other: object) -> bool:
        raise AssertionError("two trials were compared")

    monkeypatch.setattr(optuna.trial.FrozenTrial, "__eq__", compare)
    assert 0 <= proposals(study, 1)[0] <= 1


def test_its_first_rung_is_that_of_the_scheduler():
    """After one epoch x near 0 looks best, after three x near 1: the third is the first rung."""
    study = study_of(RungSampler(48, min_resource=3, seed=1))
    for _ in range(20):
        trial = Trial(study, study._storage.create_new_trial(study._study_id))
        x = trial.suggest_float("x", 0, 1)
        trial.report(x, 1)
        trial.report(-2 * x, 3)
        study._storage.set_trial_state_values(trial._trial_id, TrialState.WAITING)
    late = [paused(study, lambda t: -2 * t.suggest_float("x", 0, 1), 3) for _ in range(10)]
    assert sum(trial.params["x"] > 0.5 for trial in late) >= 7


def test_parameters_of_branches_are_learned_from_their_own_trials():
    def branch(trial: Trial) -> float:
        if trial.suggest_categorical("kind", ["plain", "deep"]) == "plain":
            return 1.0 + abs(trial.suggest_float("a", 0, 1) - 0.9)
        return abs(trial.suggest_int("b", 1, 100, log=True) - 10) / 100

    study = study_of(RungSampler(9, seed=2))
    late = [paused(study, branch) for _ in range(60)][40:]
    deep = [trial.params["b"] for trial in late if trial.params["kind"] == "deep"]
    assert len(deep) >= 14
    assert sum(3 <= b <= 30 for b in deep) >= len(deep) * 0.7


def test_where_a_trial_is_proposed_says_nothing_about_the_values_it_gets():
    """Both are drawn with the same seed: a trial not near the priors had x in its upper half."""
    drawn = set()
    for seed in range(40):
        sampler = RungSampler(9, seed=seed, priors={"y": 0.5})
        trial = study_of(sampler).ask({"x": optuna.distributions.FloatDistribution(0, 1)})
        drawn.add((sampler._near_priors, trial.params["x"] > 0.5))
    assert len(drawn) == 4


def test_a_broken_constraint_counts_as_bad():
    study = study_of(RungSampler(9, seed=0, explore=0.0))
    drawn = []
    for _ in range(60):
        trial = Trial(study, study._storage.create_new_trial(study._study_id))
        drawn.append(trial.suggest_float("x", 0, 1))
        trial.report(drawn[-1], 1)
        if drawn[-1] < 0.5:
            trial.set_constraint("memory", 1.0)
        study._storage.set_trial_state_values(trial._trial_id, TrialState.PRUNED)
    # Without the constraint x near 0 is best, and most are there.
    assert sum(x < 0.15 for x in drawn[30:]) <= 2


def test_it_works_on_a_database(tmp_path: Path):
    storage = f"sqlite:///{tmp_path}/study.db"
    study = study_of(RungSampler(9, seed=0), storage=storage, study_name="s")
    proposals(study, 12)
    again = optuna.load_study(study_name="s", storage=storage, sampler=RungSampler(9, seed=5))
    assert 0 <= again.ask({"x": optuna.distributions.FloatDistribution(0, 1)}).params["x"] <= 1


def test_one_in_ten_trials_is_good():
    study = optuna.create_study()
    study.add_trials(
        optuna.trial.create_trial(params={}, distributions={}, value=float(x)) for x in range(20)
    )
    parts = split(RungHistory((1,)).update(study, 20), 1)
    assert [[trial.number for trial in part] for part in parts] == [[0, 1], [*range(2, 20)]]


@pytest.mark.parametrize(("minimum", "rung"), [(2, 9), (3, 3), (5, 1), (6, None)])
def test_the_deciding_rung_is_the_highest_that_enough_trials_have_met(minimum, rung):
    """Of six trials five have met the first rung, four the second, two the last; one is unfit."""
    study = study_of(RungSampler(9, seed=0))
    for epochs in (0, 1, 3, 3, 9, 9):
        paused(study, bowl, epochs)
    unfit = paused(study, bowl, 9)
    unfit.set_constraint("memory", 1.0)
    known = RungHistory((1, 3, 9)).update(study, 7)
    assert deciding_rung(known, (1, 3, 9), minimum) == rung


def test_of_several_objectives_it_proposes_along_the_front():
    """The Pareto front of x*x and (x - 1)**2 is x from 0 to 1; the range extends to 10."""
    study = study_of(RungSampler(9, seed=0), directions=["minimize", "minimize"])
    drawn = []
    for _ in range(30):
        trial = Trial(study, study._storage.create_new_trial(study._study_id))
        drawn.append(x := trial.suggest_float("x", -10, 10))
        trial.set_user_attr(VALUES_BY_EPOCH, {"1": [x**2, (x - 1) ** 2]})
        study._storage.set_trial_state_values(trial._trial_id, TrialState.WAITING)
    assert sum(-0.5 < x < 1.5 for x in drawn[:10]) <= 2
    assert sum(-0.5 < x < 0.3 for x in drawn[10:]) >= 4
    assert sum(0.7 < x < 1.5 for x in drawn[10:]) >= 4


def test_of_several_objectives_it_learns_branches_steps_and_options():
    """The good branch has ten layers, small kernels and the option y."""

    def run(trial: Trial) -> list[float]:
        if trial.suggest_categorical("kind", ["plain", "deep"]) == "plain":
            return [3.0 + trial.suggest_float("a", 0.1, 1, log=True), 9.0]
        layers, kernel = (
            trial.suggest_int("b", 1, 100, log=True),
            trial.suggest_int("c", 1, 9, step=2),
        )
        option = trial.suggest_categorical("d", ["x", "y", "z"])
        return [abs(np.log10(layers) - 1) + (option != "y"), float(kernel)]

    study = study_of(RungSampler(9, seed=1), directions=["minimize", "minimize"])
    trials = []
    for _ in range(60):
        trial = Trial(study, study._storage.create_new_trial(study._study_id))
        trial.set_user_attr(VALUES_BY_EPOCH, {"1": run(trial)})
        study._storage.set_trial_state_values(trial._trial_id, TrialState.WAITING)
        trials.append(trial.params)
    late = [params for params in trials[30:] if params["kind"] == "deep"]
    assert len(late) >= 20
    assert sum(params["d"] == "y" for params in late) >= len(late) * 0.6
    assert sum(params["c"] <= 3 for params in late) >= len(late) * 0.6


def test_of_several_objectives_no_setting_is_proposed_again_before_all_are_known():
    study = study_of(RungSampler(9, seed=0, explore=0.0), directions=["minimize", "minimize"])
    drawn = []
    for _ in range(30):
        trial = Trial(study, study._storage.create_new_trial(study._study_id))
        x, kind = trial.suggest_int("x", 0, 9), trial.suggest_categorical("kind", ["a", "b"])
        drawn.append((x, kind))
        trial.set_user_attr(VALUES_BY_EPOCH, {"1": [x + (kind == "a"), 9.0 - x]})
        study._storage.set_trial_state_values(trial._trial_id, TrialState.WAITING)
    at_random = set(drawn[:10])
    learned = [setting for setting in drawn[10:] if setting not in at_random]
    assert len(learned) >= 20 - len(at_random)
    assert len(set(drawn)) == 20


def test_of_several_objectives_broken_constraints_count_as_bad():
    study = study_of(RungSampler(9, seed=0, explore=0.0), directions=["minimize", "minimize"])
    drawn = []
    for _ in range(40):
        trial = Trial(study, study._storage.create_new_trial(study._study_id))
        drawn.append(x := trial.suggest_float("x", 0, 1))
        trial.set_user_attr(VALUES_BY_EPOCH, {"1": [x, x]})
        if x < 0.5:
            trial.set_constraint("memory", 1.0)
        study._storage.set_trial_state_values(trial._trial_id, TrialState.PRUNED)
    # Without the constraint x near 0 is best, and most are there.
    assert sum(x < 0.4 for x in drawn[20:]) <= 4


def test_a_value_by_a_rung_is_the_best_until_then():
    study = optuna.create_study()
    trial = paused(study, bowl)
    frozen = study.get_trials()[0]
    frozen.intermediate_values = {1: 0.5, 2: 0.3, 3: 0.4}
    assert [losses_by(frozen, rung, [1]) for rung in (1, 3, 9)] == [(0.5,), (0.3,), None]
    assert losses_by(frozen, 3, [-1]) == (-0.5,)
    frozen.state = TrialState.COMPLETE
    assert losses_by(frozen, 9, [1]) == (0.3,)
    frozen.user_attrs = {VALUES_BY_EPOCH: {"1": [0.5, 7.0], "2": [0.6, 8.0]}}
    assert losses_by(frozen, 2, [-1, 1]) == (-0.6, 8.0)
    assert trial.number == 0


def test_a_trial_is_read_again_only_when_it_has_changed(monkeypatch: pytest.MonkeyPatch):
    """Whether it reports, ends, or is promoted, in the form that a new sampler finds."""
    study = study_of(RungSampler(9, seed=0))
    trials = [paused(study, bowl) for _ in range(12)]
    history, read = RungHistory((1, 3, 9)), []
    know = RungHistory._know
    monkeypatch.setattr(
        RungHistory, "_know", lambda self, t, signs: read.append(t.number) or know(self, t, signs)
    )
    history.update(study, 12)
    assert read == [*range(12)]

    for change in (
        lambda: trials[3].report(0.1, 2),
        lambda: study._storage.set_trial_state_values(trials[3]._trial_id, TrialState.RUNNING),
        lambda: study._storage.set_trial_state_values(trials[3]._trial_id, TrialState.PRUNED),
    ):
        change()
        read.clear()
        known = history.update(study, 12)
        assert read == [3]
        assert known == RungHistory((1, 3, 9)).update(study, 12)


def test_good_trials_are_compared_with_at_most_two_thousand_others():
    study = optuna.create_study()
    study.add_trials(
        optuna.trial.create_trial(params={}, distributions={}, value=float(x)) for x in range(2200)
    )
    parts = split(RungHistory((1,)).update(study, 2200), 1)
    assert [trial.number for trial in parts[0]] == [*range(25)]
    others = [trial.number for trial in parts[1]]
    assert (len(others), others[0], others[-1]) == (MOST_OTHERS, 25, 2199)


class TestPriors:
    def test_half_of_the_first_trials_then_a_share_that_fades(self):
        shares = [Priors.share(n, learning=n >= 10) for n in (0, 9, 10, 100)]
        assert shares == pytest.approx([0.5, 0.5, 0.2 / 1.5, 0.2 / 6])

    def test_values_near_the_prior_stay_in_range_and_on_steps(self):
        priors = Priors({"lr": 1e-3, "width": 8, "kind": "b"})
        rng = optuna.samplers._lazy_random_state.LazyRandomState(0).rng
        log = optuna.distributions.FloatDistribution(1e-3, 1.0, log=True)
        steps = optuna.distributions.IntDistribution(0, 32, step=8)
        kinds = optuna.distributions.CategoricalDistribution(["a", "b", "c"])
        assert all(1e-3 <= priors.near("lr", log, rng) <= 1.0 for _ in range(50))
        assert {priors.near("width", steps, rng) for _ in range(50)} <= {0, 8, 16, 24, 32}
        assert sum(priors.near("kind", kinds, rng) == "b" for _ in range(100)) > 60

    def test_the_start_is_half_near_the_prior(self):
        study = study_of(RungSampler(9, seed=0, priors={"x": 0.5}, n_startup_trials=100))
        near = sum(abs(x - 0.5) < 0.15 for x in proposals(study, 60))
        assert 60 * 0.3 < near < 60 * 0.8
