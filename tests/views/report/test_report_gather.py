"""Reading unusual studies from a real database."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from hpsearch.errors import InputError
from hpsearch.measure.basis import Basis
from hpsearch.measure.importance import measure_importance
from hpsearch.measure.report import gather
from hpsearch.search.store import open_study
from hpsearch.search.store.create import create_study
from hpsearch.search.store.database import open_storage
from hpsearch.studyfile.study import StudySpec
from hpsearch.views.report.page import render

ONE = {"val_accuracy": "maximize"}
TWO = {"val_accuracy": "maximize", "parameters": "minimize"}

RANGES = {"dropout": "~float(0, 0.5)", "width": "~int(2, 8)"}

Write = Callable[..., str]


def trial(state: TrialState, x: float, *values: float) -> FrozenTrial:
    return create_trial(
        state=state,
        params={"model.dropout": x, "model.width": 2 + round(x * 1000) % 7},
        distributions={
            "model.dropout": FloatDistribution(0, 0.5),
            "model.width": IntDistribution(2, 8),
        },
        values=values or None,
    )


@pytest.fixture
def page(tmp_path: Path) -> Write:
    """Writes a study into a database and returns its report."""

    def write(objectives: dict[str, Any], *trials: FrozenTrial) -> str:
        document = {
            "study": {"name": "odd", "objective": objectives, "pruner": "none", "trials": 9},
            "model": {"class_path": "tiny.TinyModel", "init_args": RANGES},
            "data": {"class_path": "tiny.TinyData"},
            "trainer": {"max_epochs": 1},
        }
        storage = open_storage(f"sqlite:///{tmp_path / 'odd.db'}")
        study = create_study(StudySpec.from_document(document), storage, tmp_path / "runs")
        study.add_trials(trials)
        return render(gather(open_study(storage, "odd")))

    return write


def test_a_study_without_trials(page: Write) -> None:
    assert "The study has not begun" in page(ONE)


def test_a_single_trial(page: Write) -> None:
    text = page(ONE, trial(TrialState.COMPLETE, 0.25, 0.75))
    assert "<h2>History</h2>" in text


def test_only_failures(page: Write) -> None:
    text = page(ONE, *[trial(TrialState.FAIL, 0.25)] * 3)
    assert "<h2>Failures</h2>" in text
    assert "no reason on record" in text


def test_trials_of_equal_value(page: Write) -> None:
    text = page(ONE, *[trial(TrialState.COMPLETE, x / 10, 0.5) for x in range(5)])
    assert "<h2>Slices</h2>" in text


def test_two_objectives_each_have_their_importance(page: Write) -> None:
    trials = [trial(TrialState.COMPLETE, x / 20, x / 10, (x - 5.0) ** 2) for x in range(10)]
    text = page(TWO, *trials)
    assert "<h2>Pareto front</h2>" in text
    assert "importance for val_accuracy" in text
    assert "importance for parameters" in text


def at_end(study: optuna.Study) -> Basis:
    return Basis(values={trial.number: tuple(trial.values) for trial in study.trials})


def test_few_trials_and_a_single_parameter_have_no_importance(page: Write, tmp_path: Path) -> None:
    trials = [trial(TrialState.COMPLETE, x / 20, x / 10) for x in range(9)]
    assert "importance for val_accuracy" not in page(ONE, *trials)
    study = optuna.create_study(direction="maximize")
    unit = {"x": FloatDistribution(0, 1)}
    for x in range(40):
        study.add_trial(create_trial(params={"x": x / 40}, distributions=unit, value=float(x)))
    assert measure_importance(study.trials, {"value": "maximize"}, at_end(study)) == {}


def test_the_deciding_parameter_is_important_whichever_way_is_good(tmp_path: Path) -> None:
    storage = open_storage(f"sqlite:///{tmp_path / 'both.db'}")
    unit = FloatDistribution(0, 1)
    found = {}
    for direction, sign in (("maximize", 1), ("minimize", -1)):
        study = optuna.create_study(storage=storage, study_name=direction, direction=direction)
        for x in range(40):
            params = {"decides": x / 40, "does_not": x * 7 % 40 / 40}
            ranges = {"decides": unit, "does_not": unit}
            value = -sign * abs(x - 5.0)
            study.add_trial(create_trial(params=params, distributions=ranges, value=value))
        goal: dict[str, Any] = {"value": direction}
        found[direction] = measure_importance(study.trials, goal, at_end(study))["value"]
    assert found["maximize"] == found["minimize"]
    assert found["maximize"]["decides"] > 0.9


def test_an_unknown_study_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no study 'none'"):
        open_study(open_storage(f"sqlite:///{tmp_path / 'a.db'}"), "none")
