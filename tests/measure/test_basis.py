"""After how many epochs the trials of a study are compared, and by which values."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

import pytest

from hpsearch.measure.basis import Basis, find_basis, values_until
from hpsearch.search.rungs import VALUES_BY_EPOCH
from hpsearch.search.store import TrialRecord

Trial = Callable[..., TrialRecord]


@pytest.fixture
def trained(make_trial: Trial) -> Trial:
    """A trial that stopped after some epochs: its value grows by 0.01 in each."""

    def make(number: int, state: str, epochs: int) -> TrialRecord:
        curve = {epoch: number + epoch / 100 for epoch in range(1, epochs + 1)}
        return make_trial(number, state, curve.get(epochs, 0.0), values_by_epoch=curve)

    return make


@pytest.mark.parametrize("state", ["pruned", "paused"])
@pytest.mark.parametrize(
    ("complete", "stopped_after", "basis"),
    [
        (20, [1] * 20, (0, 20)),  # half are complete
        (19, [1] * 21, (1, 40)),
        (30, [1] * 200, (0, 30)),  # 30 are enough
        (3, [1] * 12 + [3] * 5, (1, 20)),
        (3, [1] * 12 + [3] * 9, (3, 12)),  # the latest that half have reached
        (3, [9, 7, 5, 4, 2, 2, 2], (7, 5)),  # a pruner stops trials at any epoch
        (1, [], (0, 1)),
        (0, [2], (2, 1)),
        (0, [], (0, 0)),
        (1, [0, 0, 0], (0, 1)),  # they have not reported
    ],
)
def test_trials_are_compared_where_half_of_them_or_thirty_have_come(
    trained: Trial,
    complete: int,
    stopped_after: Sequence[int],
    basis: tuple[int, int],
    state: str,
) -> None:
    states = [*[("complete", 9)] * complete, *((state, epochs) for epochs in stopped_after)]
    trials = [trained(number, *known) for number, known in enumerate(states)]
    found = find_basis(trials, "maximize")
    assert (found.epoch, len(found.values)) == basis


def numbers(trained: Trial, *known: tuple[str, int]) -> tuple[int, Iterable[int]]:
    found = find_basis([trained(n, *one) for n, one in enumerate(known)], "maximize")
    return found.epoch, [*found.values]


def test_trials_that_still_train_do_not_decide_but_are_compared_where_they_can_be(
    trained: Trial,
) -> None:
    running = [("running", 5), ("waiting", 1), ("failed", 5)] * 3
    assert numbers(trained, ("complete", 9), *running) == (0, [0])
    assert numbers(trained, ("paused", 3), *running) == (3, [0, 1, 4, 7])
    assert find_basis([trained(0, "running", 5)], "maximize") == Basis()


def test_the_values_are_those_of_the_best_epoch_until_then_for_every_objective(
    make_trial: Trial,
) -> None:
    curves = {"1": [0.6, 30.0], "2": [0.5, 10.0], "3": [0.9, 20.0]}
    first = {int(epoch): values[0] for epoch, values in curves.items()}
    known = {"values_by_epoch": first, "attributes": {VALUES_BY_EPOCH: curves}}
    trials = [make_trial(0, "paused", values_by_epoch={1: 0.1, 2: 0.2}), make_trial(1, **known)]
    trials += [make_trial(2, "paused", **known | {"values_by_epoch": {1: 0.6, 2: 0.5}})]
    best = {0: (0.2,), 1: (0.6, 30.0), 2: (0.6, 30.0)}
    assert find_basis(trials, "maximize") == Basis(2, best)
    worst = {0: (0.1,), 1: (0.5, 10.0), 2: (0.5, 10.0)}
    assert find_basis(trials, "minimize") == Basis(2, worst)
    assert values_until(trials[1], "maximize") == (0.9, 20.0)


def test_a_value_that_is_not_a_number_is_nobodys_best(make_trial: Trial) -> None:
    curve = {1: math.nan, 2: 0.3, 3: math.nan}
    assert values_until(make_trial(0, "paused", values_by_epoch=curve), "maximize") == (0.3,)
    assert values_until(make_trial(0, "paused", values_by_epoch={1: math.nan}), "minimize") is None
