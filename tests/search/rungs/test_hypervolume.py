"""Which parameters are expected to enlarge the Pareto front most."""

from __future__ import annotations

import numpy as np
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from hpsearch.search.rungs import hypervolume
from hpsearch.search.rungs.history import KnownTrial
from hpsearch.search.rungs.hypervolume import (
    _draw,
    _most,
    ahead_of_reference,
    expected_improvements,
)


def test_the_reference_is_the_median_of_the_first_objective_and_the_worst_of_the_others() -> None:
    losses = np.array([[0.0, 8.0], [1.0, 4.0], [2.0, 0.0], [4.0, 8.0], [9.0, 0.0]])
    assert ahead_of_reference(losses) == pytest.approx(
        np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0], [-0.5, 0.0], [-0.5, 1.0]])
    )


def test_trials_that_are_alike_are_all_at_the_reference() -> None:
    assert (ahead_of_reference(np.ones((3, 2))) == 0).all()


@pytest.mark.parametrize("objectives", [2, 3])
def test_improvements_are_in_proportion_to_the_hypervolume(objectives: int) -> None:
    """What is certain: a cube of half the side, nothing new, and cubes beyond."""
    sides = np.array([0.5, 0.4, 0.6, 1.0])
    means = np.tile(sides, (objectives, 1))
    reached = np.full((1, objectives), 0.5)
    rng = np.random.RandomState(0)
    improvements = expected_improvements(means, np.zeros_like(means), reached, rng)
    assert improvements[:2] == pytest.approx([0, 0])
    volumes = sides[2:] ** objectives - 0.5**objectives
    assert improvements[3] / improvements[2] == pytest.approx(volumes[1] / volumes[0])


def test_what_is_uncertain_may_improve_where_it_is_expected_to_be_behind() -> None:
    means, reached = np.full((2, 2), 0.45), np.full((1, 2), 0.5)
    deviations = np.array([[0.0, 0.2], [0.0, 0.2]])
    improvements = expected_improvements(means, deviations, reached, np.random.RandomState(0))
    assert improvements[0] == pytest.approx(0)
    assert improvements[1] > 0.01


def test_what_lies_in_a_gap_improves_more_than_what_lies_beside_a_trial() -> None:
    reached = np.array([[1.0, 0.1], [0.1, 1.0]])
    means = np.array([[0.6, 1.02], [0.6, 0.12]])
    improvements = expected_improvements(means, np.zeros((2, 2)), reached, np.random.RandomState(0))
    assert improvements[0] > 5 * improvements[1]


def test_of_many_trials_it_learns_from_the_best_and_evenly_from_the_others() -> None:
    kept = _most(range(1000))
    assert len(kept) == 150
    assert kept[:75] == [*range(75)]
    assert (kept[75], kept[-1]) == (75, 999)
    assert _most(range(150)) == [*range(150)]


def test_candidates_are_in_range_on_steps_and_often_at_the_ends() -> None:
    space = {
        "rate": FloatDistribution(1e-4, 1e-1, log=True),
        "units": IntDistribution(8, 512, log=True),
        "steps": FloatDistribution(0.0, 1.0, step=0.25),
        "kind": CategoricalDistribution(["a", "b", "c"]),
    }
    near = np.array([[0.5, 0.0, 1.0, 2.0]])
    drawn = _draw(near, space, np.random.RandomState(0))
    assert all(len(values) == 500 for values in drawn.values())
    for name, distribution in space.items():
        assert all(distribution._contains(float(value)) for value in drawn[name])
    assert set(drawn["steps"]) == {0.0, 0.25, 0.5, 0.75, 1.0}
    assert sum(drawn["units"][300:] == 8) > 80
    assert 130 < sum(drawn["kind"][300:] == 2) < 190
    assert sum(abs(np.log10(drawn["rate"][300:] * 10**2.5)) < 0.5) > 120


def test_of_thousands_of_trials_that_break_a_constraint_it_learns_from_some(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A process of N trials takes the time of N cubed."""
    space = {"x": FloatDistribution(0.0, 1.0)}

    def trial(number: int, *, fits: bool) -> KnownTrial:
        x = number % 97 / 97
        losses = {1: (x, 1 - x)}
        return KnownTrial(number, False, losses, frozenset(space), {"x": x}, space, not fits)

    learned: list[int] = []
    process = hypervolume.GaussianProcess
    monkeypatch.setattr(
        hypervolume,
        "GaussianProcess",
        lambda points, *rest: learned.append(len(points)) or process(points, *rest),
    )
    trials = [trial(number, fits=number < 400) for number in range(5000)]
    found = hypervolume.most_promising(trials, 1, space, np.random.RandomState(0))
    assert 0 <= found["x"] <= 1
    assert learned == [225, 225]
