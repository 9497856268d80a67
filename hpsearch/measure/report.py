"""Reads what a report is made from: the database, the winner's folder, and its model at work."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial

from hpsearch.engines.bridge import call
from hpsearch.errors import InputError
from hpsearch.protocol.layout import trial_folder
from hpsearch.protocol.types import Direction
from hpsearch.search.model import model_job
from hpsearch.search.store import StoredStudy, StudyRecord, own_reports
from hpsearch.search.store.keys import SPLIT, VERSIONS
from hpsearch.studyfile.study import StudySpec
from hpsearch.views.report import ReportData
from hpsearch.views.sheet import draw_sheet, greatest_augmentation


def gather(stored: StoredStudy) -> ReportData:
    """Returns everything that the report of a study shows.

    What cannot be had (a run folder that is gone, a data module that is not ours) is left out or
    explained in its place; the rest of the report does not suffer.
    """
    study, spec, record = stored.study, stored.spec, stored.record()
    return ReportData(
        study=record,
        spec=spec,
        now=datetime.now().astimezone(),
        versions=study.user_attrs.get(VERSIONS, {}),
        split=study.user_attrs.get(SPLIT),
        importances=importances(study, record.objectives),
        winner_metrics=_metrics_of_best(record),
        inspection=_inspection(record, spec),
        sheet=_sheet(spec) if record.trials else None,
    )


def importances(
    study: optuna.Study, objectives: Mapping[str, Direction]
) -> dict[str, dict[str, float]]:
    """Returns, by objective, each parameter's share, as far as the trials allow to say."""
    found = {}
    for place, (name, direction) in enumerate(objectives.items()):
        # PED-ANOVA takes low targets for good ones, and warns of that at every call.
        sign = -1 if direction == "maximize" else 1
        with warnings.catch_warnings(), suppress(ValueError, RuntimeError):
            # Too few complete trials, or all of the same value, are a ValueError.
            warnings.simplefilter("ignore")
            found[name] = optuna.importance.get_param_importances(
                study, target=partial(_signed_value, place, sign)
            )
    return found


def _signed_value(place: int, sign: int, trial: FrozenTrial) -> float:
    return sign * float(trial.values[place])


def _metrics_of_best(record: StudyRecord) -> dict[int, Mapping[str, float]]:
    if record.best is None:
        return {}
    number = record.best.number
    folder = Path(record.runs) / record.name / trial_folder(number)
    reports = own_reports(folder, record.id, number, record.best.params)
    return {report.step: report.metrics for report in reports}


def _inspection(record: StudyRecord, spec: StudySpec) -> Mapping[str, Any] | None:
    best = record.best
    if best is None:
        return None
    if best.checkpoint is None:
        folder = Path(record.runs) / record.name / trial_folder(best.number)
        return {"failure": f"its checkpoint is not in {folder} any more, so it cannot be asked"}
    job = replace(model_job(record, spec, best), threads=os.cpu_count() or 1)
    found: Mapping[str, Any] = call("hpsearch.trial.probes.error_analysis:inspect_trial", job)
    return found


def _sheet(spec: StudySpec) -> bytes | None:
    """Returns the augmentation sheet as a PNG; None if nothing is augmented or data are missing."""
    try:
        arguments = greatest_augmentation(spec)
    except InputError:
        return None
    if not any((arguments.get("augment") or {}).values()):
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sheet.png"
        try:
            draw_sheet(call("hpsearch.data.preview:sheet", arguments), path)
        except InputError:
            return None
        return path.read_bytes()
