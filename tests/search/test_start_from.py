"""A study that starts from another one's best settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.storages import RDBStorage
from optuna.trial import create_trial

from hpsearch.errors import InputError
from hpsearch.search.start_from import settings_to_start_from
from hpsearch.search.store import create_study, open_storage, open_study
from hpsearch.studyfile.study import StudySpec

LR = "model.lr"
DROPOUT = "model.dropout"


def spec(name: str, model: Mapping[str, Any], **study: Any) -> StudySpec:
    block = {"name": name, "objective": {"val_accuracy": "maximize"}, "trials": 9}
    return StudySpec.from_document(
        {
            "study": {**block, **study},
            "model": {"class_path": "a.Model", "init_args": dict(model)},
            "data": {"class_path": "a.Data"},
            "trainer": {"max_epochs": 2},
        }
    )


OLD = spec("old", {"lr": "~float(1e-4, 1.0, log=True)", "dropout": "~float(0, 1)"})


@pytest.fixture
def database(tmp_path: Path) -> RDBStorage:
    return open_storage(f"sqlite:///{tmp_path}/study.db")


def trained(
    database: RDBStorage,
    tmp_path: Path,
    trials: Sequence[tuple[float, Mapping[str, Any]]],
    space: Mapping[str, BaseDistribution] | None = None,
) -> None:
    space = space or {
        LR: FloatDistribution(1e-4, 1.0, log=True),
        DROPOUT: FloatDistribution(0.0, 1.0),
    }
    study = create_study(OLD, database, tmp_path)
    for value, params in trials:
        within = {name: space[name] for name in params}
        study.add_trial(create_trial(params=dict(params), distributions=within, value=value))


FOUR = [
    (0.7, {LR: 0.9, DROPOUT: 0.1}),
    (0.9, {LR: 0.01, DROPOUT: 0.2}),
    (0.8, {LR: 0.02, DROPOUT: 0.9}),
    (0.6, {LR: 0.03, DROPOUT: 0.4}),
]


def test_the_three_best_settings_are_tried_first_with_the_values_that_the_space_has(
    database: RDBStorage, tmp_path: Path
) -> None:
    trained(database, tmp_path, FOUR)
    model = {"lr": "~float(1e-3, 0.5)", "dropout": "~float(0, 0.5)", "width": "~int(1, 9)"}
    new = spec("new", model, start_from="old")

    queue = settings_to_start_from(new, database)

    assert [trial.params for trial in queue] == [
        {LR: 0.01, DROPOUT: 0.2},
        {LR: 0.02},
        {DROPOUT: 0.1},
    ]
    assert queue[0].attributes == {"origin": "trial 1 of old"}


def test_what_is_the_same_setting_is_tried_once(database: RDBStorage, tmp_path: Path) -> None:
    trained(database, tmp_path, [(0.9, {LR: 0.01, DROPOUT: 0.2}), (0.8, {LR: 0.01, DROPOUT: 0.3})])
    new = spec("new", {"lr": "~float(0, 1)"}, start_from="old", enqueue=[{"lr": 0.01}])

    queue = settings_to_start_from(new, database)
    study = create_study(new, database, tmp_path, queue=queue)

    assert [trial.params for trial in queue] == [{LR: 0.01}]
    assert len(study.trials) == 1


def test_values_of_a_branch_that_the_space_lacks_are_left_out(
    database: RDBStorage, tmp_path: Path
) -> None:
    space = {"model": CategoricalDistribution(["a", "b"]), LR: FloatDistribution(0, 1)}
    trained(database, tmp_path, [(0.9, {"model": "a", LR: 0.3})], space)
    queue = settings_to_start_from(spec("new", {"lr": "~float(0, 1)"}, start_from="old"), database)
    assert [trial.params for trial in queue] == [{LR: 0.3}]


@pytest.mark.parametrize(
    ("trials", "model", "start_from", "message"),
    [
        ([], {"lr": "~float(0, 1)"}, "old", "no trial of old is complete yet"),
        (FOUR, {"lr": "~float(2, 3)"}, "old", "old searched model.dropout, model.lr"),
        (FOUR, {"lr": "~float(0, 1)"}, "olt", "there is no study 'olt' .*; did you mean old"),
    ],
)
def test_what_cannot_be_started_from_is_refused_with_why(
    database: RDBStorage,
    tmp_path: Path,
    trials: list[tuple[float, Mapping[str, Any]]],
    model: Mapping[str, Any],
    start_from: str,
    message: str,
) -> None:
    trained(database, tmp_path, trials)
    with pytest.raises(InputError, match=message):
        settings_to_start_from(spec("new", model, start_from=start_from), database)
    assert open_study(database, "old").name == "old"
