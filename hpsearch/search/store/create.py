"""A new study in the database, and what is written of a study as a whole."""

from __future__ import annotations

import json
import uuid
from importlib.metadata import version
from pathlib import Path

import optuna
from optuna.storages import RDBStorage

from hpsearch.search.store.keys import (
    BUDGET,
    DOCUMENT,
    ID,
    IMPORT_PATHS,
    ORIGIN,
    RUNS,
    VERSIONS,
    WHOLE,
)
from hpsearch.search.store.sampling import build_sampler
from hpsearch.studyfile.known_settings import expected_setting, read_setting
from hpsearch.studyfile.study import StudySpec

FIXED = "fixed_params"  # Optuna's name for the values of an enqueued trial
RECORDED = ("hpsearch", "torch", "pytorch-lightning", "torchvision", "optuna")


def create_study(spec: StudySpec, storage: RDBStorage, runs: Path) -> optuna.Study:
    """Makes a study in the database, with all that `resume` needs to go on from it alone."""
    study = optuna.create_study(
        storage=storage,
        study_name=spec.name,
        directions=list(spec.objectives.values()),
        sampler=build_sampler(spec, 0),
    )
    study.set_metric_names(list(spec.objectives))
    study.set_user_attr(ID, uuid.uuid4().hex)
    describe_study(study, spec, runs, spec.trials)
    enqueue(study, spec)
    return study


def enqueue(study: optuna.Study, spec: StudySpec) -> None:
    """Adds the settings that are tried first, but for those that are there already.

    All priors together come before the others, and are trained whole.
    """
    there = [trial.system_attrs.get(FIXED) for trial in study.get_trials(deepcopy=False)]
    if (expected := expected_setting(spec.space)) and expected not in there:
        study.enqueue_trial(expected, user_attrs={ORIGIN: "priors", WHOLE: True})
    for written in spec.enqueue:
        setting = read_setting(spec.space, written)
        if setting not in [*there, expected]:
            study.enqueue_trial(setting, user_attrs={ORIGIN: "enqueued"})


def describe_study(study: optuna.Study, spec: StudySpec, runs: Path, budget: int | None) -> None:
    """Writes what the study is and how far it may go."""
    study.set_user_attr(DOCUMENT, json.dumps(spec.document))
    study.set_user_attr(IMPORT_PATHS, list(spec.import_paths))
    study.set_user_attr(RUNS, str(runs.resolve()))
    study.set_user_attr(BUDGET, budget)
    study.set_user_attr(VERSIONS, {name: version(name) for name in RECORDED})
