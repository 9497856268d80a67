"""The data of a report, without a database and without training."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from hpsearch.measure.report import ReportData
from hpsearch.search.store.records import TrialRecord
from hpsearch.studyfile.study import StudySpec

MakeMaterial = Callable[..., ReportData]

SPACE = {
    "hidden": "~int(8, 512, log=True)",
    "dropout": "~float(0, 0.5)",
}


def make_spec(model: dict[str, Any], objectives: dict[str, str]) -> StudySpec:
    return StudySpec.from_document(
        {
            "study": {"name": "mnist", "objective": objectives, "trials": 10, "seed": 3},
            "model": {"class_path": "a.Net", "init_args": model},
            "data": {"class_path": "a.Data"},
            "trainer": {"max_epochs": 8},
        }
    )


@pytest.fixture
def make_material(make_study: Any) -> MakeMaterial:
    """A study of the trials given; `model` are the searched arguments."""

    def make(
        *trials: TrialRecord, model: dict[str, Any] | None = None, **fields: Any
    ) -> ReportData:
        objectives = fields.pop("objectives", {"val_accuracy": "maximize"})
        of_study = {
            key: fields.pop(key)
            for key in (
                "state",
                "pareto_front",
                "best",
                "budget",
                "confirmation",
                "test_evaluations",
            )
            if key in fields
        }
        study = make_study(*trials, objectives=objectives, **of_study)
        spec = make_spec(SPACE if model is None else model, objectives)
        now = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
        return ReportData(study=study, spec=spec, now=now, **fields)

    return make


@pytest.fixture
def make_searched(make_trial: Any) -> Callable[..., TrialRecord]:
    """A trial with values of the parameters that `make_material` searches."""

    def make(number: int = 0, state: str = "complete", value: float = 0.9, **fields: Any) -> Any:
        params = {"model.hidden": fields.pop("hidden", 64), "model.dropout": 0.25}
        params["model.dropout"] = fields.pop("dropout", 0.25)
        return make_trial(number, state, value, **{"params": params, **fields})

    return make
