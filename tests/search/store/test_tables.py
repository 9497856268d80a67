"""Trials read from the database's tables at once are those that Optuna reads one by one."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import optuna
import pytest
import sqlalchemy as sa
from large_study import NAME, write_large_study
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import RDBStorage
from optuna.trial import TrialState

from hpsearch.search.store.database import open_storage
from hpsearch.search.store.tables import read_trials

SPACE = {
    "x": FloatDistribution(1e-4, 1.0, log=True),
    "n": IntDistribution(1, 9),
    "kind": CategoricalDistribution(["a", None, 3, True]),
}


@pytest.fixture
def storage(tmp_path: Path) -> RDBStorage:
    return open_storage(f"sqlite:///{tmp_path}/study.db")


@contextmanager
def statements(engine: sa.Engine) -> Iterator[list[str]]:
    """Collects what is asked of a database."""
    heard: list[str] = []

    def record(connection: object, cursor: object, statement: str, *_: object) -> None:
        heard.append(statement)

    sa.event.listen(engine, "before_cursor_execute", record)
    yield heard
    sa.event.remove(engine, "before_cursor_execute", record)


def test_every_kind_of_trial_is_read_as_optuna_reads_it(storage: RDBStorage) -> None:
    optuna.create_study(storage=storage, study_name="another").ask(SPACE)
    study = optuna.create_study(storage=storage, sampler=optuna.samplers.RandomSampler(1))
    for state in (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL, None):
        trial = study.ask(SPACE)
        for step, value in enumerate((0.1 + 0.2, math.inf, -math.inf), start=1):
            trial.report(value, step)
        trial.set_user_attr("facts", {"epochs": [1, 2], "none": None})
        trial.set_constraint("memory", 1.0)
        if state is not None:
            study.tell(trial, math.inf if state == TrialState.COMPLETE else None, state=state)
    study.enqueue_trial({"x": 0.5}, user_attrs={"seed": 7})

    read = read_trials(storage.engine, study._study_id)

    assert [vars(trial) for trial in read] == [
        vars(trial) for trial in storage.get_all_trials(study._study_id)
    ]
    assert len(read) == 5


def test_a_value_that_is_no_number_stays_none(storage: RDBStorage) -> None:
    study = optuna.create_study(storage=storage)
    study.ask().report(math.nan, 1)

    (trial,) = read_trials(storage.engine, study._study_id)

    assert math.isnan(trial.intermediate_values[1])


def test_the_values_of_several_objectives_keep_their_order(storage: RDBStorage) -> None:
    study = optuna.create_study(storage=storage, directions=["maximize", "minimize"])
    study.tell(study.ask(), [0.5, 7.0])

    (trial,) = read_trials(storage.engine, study._study_id)

    assert trial.values == [0.5, 7.0]


def test_a_study_without_trials_has_none(storage: RDBStorage) -> None:
    assert read_trials(storage.engine, optuna.create_study(storage=storage)._study_id) == []


@pytest.mark.parametrize("trials", [5, 500])
def test_a_study_of_any_size_is_read_in_one_query_a_table(
    storage: RDBStorage, tmp_path: Path, trials: int
) -> None:
    write_large_study(storage, tmp_path / "runs", trials)
    study = optuna.load_study(study_name=NAME, storage=storage)

    with statements(storage.engine) as heard:
        assert len(read_trials(storage.engine, study._study_id)) == trials

    assert len(heard) == 6
