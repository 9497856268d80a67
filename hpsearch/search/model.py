"""The model of a trained trial: finding its checkpoint, describing it as a job, exporting it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hpsearch.engines.bridge import call
from hpsearch.errors import InputError
from hpsearch.protocol.job import Job, Placement
from hpsearch.protocol.layout import trial_folder
from hpsearch.protocol.model_files import format_of
from hpsearch.search.store import (
    StoredStudy,
    StudyRecord,
    TrialRecord,
    find_confirmation,
    find_runs,
    open_study,
)
from hpsearch.search.store.keys import SEED
from hpsearch.studyfile.study import StudySpec

ENSEMBLE_FOLDER = "ensemble"


def find_checkpoint(
    stored: StoredStudy, number: int | None = None
) -> tuple[StoredStudy, StudyRecord, TrialRecord]:
    """Returns a trial with a checkpoint, and its study, opened and as a record.

    Args:
        stored: the study.
        number: the trial; None for the model that the confirmation chose and tested, which
            belongs to the confirmation's own study, or else for the best trial.

    Raises:
        InputError: there is no such trial, or its checkpoint is not there.
    """
    study = stored.record()
    if number is None and study.confirmation:
        number = study.confirmation["model"]["run"]
        stored = open_study(stored.database, find_confirmation(stored.database, stored.name)[0])
        study = stored.record()
    trial = study.best if number is None else numbered(study, number)
    if trial is None:
        raise InputError(f"no trial of {study.name} is complete yet")
    if trial.checkpoint is None:
        folder = Path(study.runs) / study.name / trial_folder(trial.number)
        raise InputError(
            f"trial {trial.number} of {study.name} ({trial.state}) has no checkpoint that you can"
            f" read in {folder}"
        )
    return stored, study, trial


def model_job(study: StudyRecord, spec: StudySpec, trial: TrialRecord) -> Job:
    """Returns the job of a trial, on the CPU: its configuration, seeds, split and folder."""
    config = spec.space.sample(lambda name, _: trial.params[name])
    folder = Path(study.runs) / study.name / trial_folder(trial.number)
    seed = trial.attributes.get(SEED)
    job = spec.job(trial.number, trial.params, config, Placement(folder), seed)
    return replace(job, study_id=study.id)


def ensemble_of(stored: StoredStudy) -> dict[str, Any]:
    """Returns what a study's ensemble averages, as the training wing takes it.

    Raises:
        InputError: the study has none.
    """
    found = stored.record().ensemble
    if found is None:
        raise InputError(f"{stored.name} has no ensemble yet; hpsearch ensemble {stored.name}")
    members = found["members"]
    studies = {"search": stored, **_confirmation_of(stored, members)}
    jobs = []
    for member in members:
        study = studies[member["of"]].record()
        job = model_job(study, studies[member["of"]].spec, numbered(study, member["trial"]))
        jobs.append(replace(job, folder=str(member_folder(stored, member))))
    return {
        "jobs": [job.to_json() for job in jobs],
        "counts": [member["count"] for member in members],
        "averaging": found["averaging"],
    }


def member_folder(stored: StoredStudy, member: Mapping[str, Any]) -> Path:
    """Returns the folder in which a member of a study's ensemble is kept."""
    own = f"{member['of']}-{trial_folder(member['trial'])}"
    return find_runs(stored.study, None).absolute() / stored.name / ENSEMBLE_FOLDER / own


def _confirmation_of(
    stored: StoredStudy, members: Sequence[Mapping[str, Any]]
) -> dict[str, StoredStudy]:
    if all(member["of"] == "search" for member in members):
        return {}
    name, _ = find_confirmation(stored.database, stored.name)
    return {"confirmation": open_study(stored.database, name)}


def export_model(
    stored: StoredStudy, number: int | None, target: Path
) -> tuple[Mapping[str, Any], StudyRecord, TrialRecord]:
    """Writes a trained model to a file; returns what was written, its study and its trial.

    Args:
        stored: the study.
        number: the trial; see `find_checkpoint`.
        target: the file; its suffix decides the format, see `protocol/model_files.py`.

    Raises:
        InputError: there is no such trial, or its checkpoint is not there.
    """
    stored, study, trial = find_checkpoint(stored, number)
    job = model_job(study, stored.spec, trial)
    values = dict(zip(study.objectives, trial.values or (), strict=False))
    way = format_of(target)
    written = call("hpsearch.trial.export.export:export_trial", job, values, way, str(target))
    return written, study, trial


def export_ensemble(stored: StoredStudy, target: Path) -> Mapping[str, Any]:
    """Writes a study's ensemble to a file, as `export_model` does a trained model.

    Raises:
        InputError: the study has none, or a member's checkpoint is not there.
    """
    ensemble = ensemble_of(stored)
    values = (stored.record().ensemble or {})["values"]
    shown = {name: values[name] for name in stored.spec.objectives if name in values}
    way = format_of(target)
    written: Mapping[str, Any] = call(
        "hpsearch.trial.ensemble.export:export_ensemble", ensemble, shown, way, str(target)
    )
    return written


def numbered(study: StudyRecord, number: int) -> TrialRecord:
    """Returns a trial of a study by its number.

    Raises:
        InputError: there is no such trial.
    """
    if number < len(study.trials):
        return study.trials[number]
    have = f"it has 0 to {len(study.trials) - 1}" if study.trials else "it has none yet"
    raise InputError(f"the study {study.name} has no trial {number}; {have}")
