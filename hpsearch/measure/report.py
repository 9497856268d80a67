"""The data of a report: the database, the winner's folder, and its model in use."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from math import inf
from pathlib import Path
from typing import Any

from hpsearch.engines.bridge import call
from hpsearch.errors import InputError
from hpsearch.measure.basis import Basis, find_basis, values_until
from hpsearch.measure.importance import measure_importance
from hpsearch.measure.preview import greatest_augmentation, preview_sheet
from hpsearch.protocol.layout import trial_folder
from hpsearch.protocol.types import Direction, primary, sign_of
from hpsearch.search.model import model_job
from hpsearch.search.store import (
    StoredStudy,
    StudyRecord,
    TrialRecord,
    grid_size,
    is_readable,
    own_reports,
)
from hpsearch.search.store.keys import SPLIT, VERSIONS
from hpsearch.studyfile.distributions import Distribution
from hpsearch.studyfile.document import short_names
from hpsearch.studyfile.study import StudySpec

_MOST_REPORTS = 60_000  # about 2 MB of a page


@dataclass(frozen=True)
class ReportData:
    """A study and everything else that its report shows.

    Attributes:
        study: the study as the database knows it.
        spec: what it searches.
        now: when the report is made.
        versions: of the libraries that trained.
        split: hash of the train/validation split, if the data module has one.
        importance: by objective, the parameters' shares of its variation, 0 to 1, as far as the
            trials show them.
        metrics: by trial and epoch, every metric that was logged; for as many of the best trials as
            a page holds, without those whose folder is gone.
        inspection: what the best trial's model does on the validation split, see
            `hpsearch.trial.probes.error_analysis`; `failure` says why it is unknown.
        sheet: what the augmentation sheet shows, if the study augments; see `preview_sheet`.
    """

    study: StudyRecord
    spec: StudySpec
    now: datetime
    versions: Mapping[str, str] = field(default_factory=dict)
    split: str | None = None
    importance: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    metrics: Mapping[int, Mapping[int, Mapping[str, float]]] = field(default_factory=dict)
    inspection: Mapping[str, Any] | None = None
    sheet: Mapping[str, Any] | None = None

    @property
    def is_whole_grid(self) -> bool:
        """Whether the study has all the trials that its grid allows."""
        size = grid_size(self.spec)
        return size is not None and len(self.study.trials) >= size

    @property
    def objective(self) -> str:
        """The first objective, which decides the order of the trials."""
        return primary(self.study.objectives)[0]

    @property
    def direction(self) -> Direction:
        """Of the first objective."""
        return self.study.objectives[self.objective]

    @cached_property
    def complete(self) -> tuple[TrialRecord, ...]:
        """The trials that ran to their end and have a value."""
        return tuple(trial for trial in self.study.trials if _counts(trial))

    @cached_property
    def basis(self) -> Basis:
        """Where the trials are compared, and their values there."""
        return find_basis(self.study.trials, self.direction)

    @cached_property
    def compared(self) -> tuple[TrialRecord, ...]:
        """The trials that have come so far that they can be compared."""
        return tuple(t for t in self.study.trials if t.number in self.basis.values)

    @cached_property
    def stopped_before(self) -> tuple[TrialRecord, ...]:
        """The trials that were pruned or are paused before, and have a value until then."""
        return tuple(
            trial
            for trial in self.study.trials
            if trial.state in ("pruned", "paused")
            and trial.number not in self.basis.values
            and values_until(trial, self.direction)
        )

    def compared_value(self, trial: TrialRecord, objective: int = 0) -> float:
        """Returns the value by which a trial is compared, or its best one until it stopped."""
        known = self.basis.values.get(trial.number)
        values = known or values_until(trial, self.direction)
        assert values is not None
        return values[objective]

    @cached_property
    def parameters(self) -> Mapping[str, Distribution]:
        """The searched parameters, the most important one for the first objective first."""
        shares = self.importance.get(self.objective, {})
        searched = self.spec.space.parameters
        ordered = sorted(searched, key=lambda name: -shares.get(name, 0.0))
        return {name: searched[name] for name in ordered}

    @cached_property
    def names(self) -> Mapping[str, str]:
        """The parameters' short names."""
        return short_names(self.spec.space.parameters)


def _counts(trial: TrialRecord) -> bool:
    return trial.state == "complete" and trial.values is not None


def value_of(trial: TrialRecord, objective: int = 0) -> float:
    """Returns a complete trial's value of an objective."""
    assert trial.values is not None
    return trial.values[objective]


def gather(stored: StoredStudy) -> ReportData:
    """Returns everything that a study's report shows.

    What is unavailable (a missing run folder, a data module that is not ours) is left out or
    explained in its place, and does not affect the rest of the report.
    """
    study, spec = stored.study, stored.spec
    trials = stored.trials()
    record = stored.record(trials)
    basis = find_basis(record.trials, primary(record.objectives)[1])
    return ReportData(
        study=record,
        spec=spec,
        now=datetime.now().astimezone(),
        versions=study.user_attrs.get(VERSIONS, {}),
        split=study.user_attrs.get(SPLIT),
        importance=measure_importance(trials, record.objectives, basis),
        metrics=_metrics(record),
        inspection=_inspection(record, spec),
        sheet=_sheet(spec) if record.trials else None,
    )


def _metrics(record: StudyRecord) -> dict[int, dict[int, Mapping[str, float]]]:
    found: dict[int, dict[int, Mapping[str, float]]] = {}
    room = _MOST_REPORTS
    sign = sign_of(primary(record.objectives)[1])
    best_first = sorted(
        record.trials, key=lambda trial: -sign * (trial.values or (-sign * inf,))[0]
    )
    for trial in best_first:
        folder = Path(record.runs) / record.name / trial_folder(trial.number)
        if not room or not is_readable(folder):
            continue
        reports = own_reports(folder, record.id, trial.number, trial.params)[-room:]
        room -= len(reports)
        if reports:
            found[trial.number] = {report.step: report.metrics for report in reports}
    return found


def _inspection(record: StudyRecord, spec: StudySpec) -> Mapping[str, Any] | None:
    best = record.best
    if best is None:
        return None
    if best.checkpoint is None:
        folder = Path(record.runs) / record.name / trial_folder(best.number)
        words = f"there is no checkpoint that you can read in {folder}"
        return {"failure": f"{words}, so it cannot be evaluated"}
    job = replace(model_job(record, spec, best), threads=os.cpu_count() or 1)
    found: Mapping[str, Any] = call("hpsearch.trial.probes.error_analysis:inspect_trial", job)
    return found


def _sheet(spec: StudySpec) -> Mapping[str, Any] | None:
    """Returns what the augmentation sheet shows; None without augmentation or data."""
    try:
        if not any((greatest_augmentation(spec).get("augment") or {}).values()):
            return None
        return preview_sheet(spec)
    except InputError:
        return None
