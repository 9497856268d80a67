"""The selection adds what makes the average better, and stops where only luck is left."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from hpsearch.trial.ensemble.selection import doubt_loss, log_loss, select, squared_error


def residuals(*errors: list[float]) -> list[npt.NDArray[np.float32]]:
    """Returns the residuals of models on 200 examples, each with its bias and spread."""
    chance = np.random.default_rng(1)
    return [
        (bias + spread * chance.normal(size=(200, 1))).astype(np.float32) for bias, spread in errors
    ]


def test_models_whose_errors_differ_are_averaged() -> None:
    found = select(residuals(*[[0.0, 1.0]] * 4), squared_error, members=5, seed=0)
    assert all(found.counts)
    assert found.together < 0.4 * found.alone


def test_a_better_model_counts_more_and_a_bad_one_nothing() -> None:
    found = select(residuals([0, 1.0], [0, 1.3], [30, 1.0]), squared_error, members=5, seed=0)
    assert found.counts[0] > found.counts[1] > 0
    assert found.counts[2] == 0


def test_the_best_model_is_the_only_member_if_all_err_alike() -> None:
    (best,) = residuals([0.0, 1.0])
    found = select([best, 1.5 * best, 2 * best], squared_error, members=5, seed=0)
    assert sum(map(bool, found.counts)) == 1
    assert found.together == found.alone


@pytest.mark.parametrize("members", [1, 2, 3])
def test_there_are_at_most_as_many_members_as_asked_for(members: int) -> None:
    found = select(residuals(*[[0.0, 1.0]] * 6), squared_error, members, seed=0)
    assert sum(map(bool, found.counts)) == members


def test_the_same_answers_give_the_same_ensemble() -> None:
    scores = residuals(*[[0.0, 1.0]] * 5)
    assert select(scores, squared_error, 3, seed=4) == select(scores, squared_error, 3, seed=4)


def test_probabilities_are_ranked_by_their_log_loss() -> None:
    sure = np.tile(np.float32([[0.99], [0.3]]), (50, 1))
    other = np.tile(np.float32([[0.3], [0.99]]), (50, 1))
    found = select([sure, other], log_loss, members=2, seed=0)
    assert all(found.counts)
    share = found.counts[0] / sum(found.counts)
    mean = share * sure + (1 - share) * other
    assert found.together == pytest.approx(float(log_loss(mean).mean()), rel=0.2)


def test_answers_are_compared_whatever_the_confidence() -> None:
    """With label smoothing a model is less sure of every answer, and here more often right."""
    smoothed = np.tile(np.float32([[0.4], [0.9], *[[0.9]] * 58]), (10, 1))
    sure = np.tile(np.float32([[0.3], [0.05], *[[0.999]] * 58]), (10, 1))
    assert log_loss(sure).mean() < log_loss(smoothed).mean()
    assert select([smoothed, sure], log_loss, members=2, seed=0).counts[1] > 0
    assert select([smoothed, sure], doubt_loss, members=2, seed=0).counts == (1, 0)
    assert list(doubt_loss(np.array([0.25, 0.5, 0.9]))) == pytest.approx([np.log(2), 0, 0])


def test_held_out_halves_see_no_gain_in_noise() -> None:
    """Of 30 models without any skill, whatever a selection gains on its own examples is luck."""
    chance = np.random.default_rng(2)
    guesses = [chance.uniform(0.3, 0.7, size=(40, 1)).astype(np.float32) for _ in range(30)]
    found = select(guesses, log_loss, members=30, seed=0)
    own = float(log_loss(np.average(guesses, axis=0, weights=found.counts)).mean())
    assert own < found.together, "on its own examples it looks better than it is"
