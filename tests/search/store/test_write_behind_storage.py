"""A study in memory and its rows in the database are equal."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState

from hpsearch.search.store.database import open_storage
from hpsearch.search.store.lease import take_lease
from hpsearch.search.store.write_behind import WriteBehindQueue, buffer_writes


class Pair:
    """A study in a database, and the same study as its owner sees it."""

    def __init__(self, storage: RDBStorage) -> None:
        self.stored = optuna.create_study(
            storage=storage, study_name="pair", sampler=optuna.samplers.RandomSampler(1)
        )
        lease = take_lease(storage.engine, self.stored._study_id, "pair")
        self.writes = WriteBehindQueue(storage.engine, lease)
        self.buffered = buffer_writes(self.stored, self.writes)

    def assert_equal(self) -> None:
        assert self.writes.flush(10)
        here, there = self.buffered.get_trials(), self.stored.get_trials()
        assert [plain(trial) for trial in here] == [plain(trial) for trial in there]
        assert self.buffered.user_attrs == self.stored.user_attrs


def plain(trial: FrozenTrial) -> dict[str, object]:
    fields = dict(trial.__dict__)
    del fields["_trial_id"]  # the database counts over all its studies
    steps = fields.get("_intermediate_values", {})
    return {**fields, "_intermediate_values": {k: str(v) for k, v in dict(steps).items()}}


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    pair = Pair(open_storage(f"sqlite:///{tmp_path}/pair.db"))
    with pair.writes:
        yield pair


def test_every_kind_of_change_reaches_the_database(pair: Pair) -> None:
    space = {
        "x": FloatDistribution(1e-4, 1.0, log=True),
        "n": IntDistribution(1, 9),
        "kind": CategoricalDistribution(["a", None, 3, True]),
    }
    for state in (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL, None):
        trial = pair.buffered.ask(space)
        trial.report(0.5, 1)
        trial.set_user_attr("facts", {"epochs": [1, 2]})
        trial.set_constraint("memory", 1.0)
        if state is not None:
            values = [0.25] if state == TrialState.COMPLETE else None
            pair.buffered.tell(trial, values, state=state)
    pair.buffered.set_user_attr("split", "abc")

    pair.assert_equal()
    assert [trial.state for trial in pair.stored.trials][:1] == [TrialState.COMPLETE]


@pytest.mark.parametrize("value", [math.inf, -math.inf, 0.1 + 0.2])
def test_a_value_comes_back_bit_for_bit(pair: Pair, value: float) -> None:
    trial = pair.buffered.ask()
    trial.report(value, 1)
    pair.buffered.tell(trial, value)

    pair.assert_equal()
    assert pair.stored.trials[0].value == value


def test_a_study_is_taken_over_as_it_stands(pair: Pair, tmp_path: Path) -> None:
    pair.stored.enqueue_trial({"x": 0.5}, user_attrs={"seed": 7})
    done = pair.stored.ask({"x": FloatDistribution(0, 1)})
    done.report(0.3, 1)
    pair.stored.tell(done, 0.3)
    pair.stored.add_trial(optuna.create_trial(value=1.0))

    again = buffer_writes(pair.stored, pair.writes)

    assert [plain(t) for t in again.trials] == [plain(t) for t in pair.stored.trials]
    assert pair.writes.empty, "what comes from the database need not go there"
