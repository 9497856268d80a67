"""A study in the database as plain records: what `list`, `status`, `show` and `best` print."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, get_args

import optuna
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial
from optuna.trial import TrialState as TrialStateOfOptuna

from hpsearch.errors import InputError
from hpsearch.protocol.types import Direction, Scalar
from hpsearch.search.store.database import redact
from hpsearch.search.store.keys import (
    ATTEMPTS,
    BUDGET,
    CHECKPOINT,
    CONFIRMATION,
    CONFIRMS,
    CURVE,
    DEVICE,
    DOCUMENT,
    ENVIRONMENTS,
    FAILURE_KIND,
    IMPORT_PATHS,
    PAUSED_AT,
    RUNS,
    SECONDS,
    TEST_EVALUATIONS,
    VERSIONS,
)
from hpsearch.search.store.lease import Owner, find_owner
from hpsearch.search.store.optuna_internals import pareto_numbers
from hpsearch.search.store.tables import read_trials
from hpsearch.search.store.winner import find_winner
from hpsearch.studyfile.study import StudySpec

TrialState = Literal["complete", "pruned", "failed", "running", "paused", "waiting"]
TRIAL_STATES: tuple[TrialState, ...] = get_args(TrialState)
StudyState = Literal["running", "done", "interrupted", "new"]

STATES: dict[TrialStateOfOptuna, TrialState] = {
    TrialStateOfOptuna.COMPLETE: "complete",
    TrialStateOfOptuna.PRUNED: "pruned",
    TrialStateOfOptuna.FAIL: "failed",
    TrialStateOfOptuna.RUNNING: "running",
    TrialStateOfOptuna.WAITING: "waiting",
}


@dataclass(frozen=True)
class TrialRecord:
    """One trial as the database knows it.

    Attributes:
        values: the objectives' values, in the study's order; None until there are any.
        values_by_epoch: the first objective after each epoch, epochs counted from 1.
        seconds: training time over all attempts.
        checkpoint: path of the best checkpoint, if one was written.
        attempts: one mapping per start of the trial (`started`, `device`, `from_epoch`, `ended`,
            `how` it ended; `epochs` done then, and `lost_s`, the seconds it had trained beyond
            them).
        attributes: everything else that was recorded (`parameters`, `failure`, `traceback`,
            `epochs`, `best_step`, `pruned_at`, ...).
    """

    number: int
    state: TrialState
    params: Mapping[str, Scalar]
    values: tuple[float, ...] | None
    values_by_epoch: Mapping[int, float]
    seconds: float | None
    device: str | None
    checkpoint: str | None
    attempts: tuple[Mapping[str, Any], ...]
    attributes: Mapping[str, Any]


@dataclass(frozen=True)
class StudyRecord:
    """One study as the database knows it.

    Attributes:
        objectives: metric name to direction, in order.
        budget: trials the study may take in all; None where they do not bound it.
        epochs: epochs that they may train in all; None where they do not bound it.
        owner: the live coordinator, as `host, pid 123`; None where nobody runs the study.
        best: the trial to take: the one that the confirmation chose, or else the best complete
            trial; of several objectives, the best in the first.
        front: of several objectives, the trials that no other trial beats in all of them.
        runs: the folder that holds the trials' files.
        confirmation: what `hpsearch confirm` found, as plain data; None before.
        test_evaluations: each opening of its test split: when, why, for which model, its result.
        environments: the code and versions that its trials were trained under, in order.
    """

    name: str
    state: StudyState
    objectives: Mapping[str, Direction]
    budget: int | None
    trials: tuple[TrialRecord, ...]
    best: TrialRecord | None
    front: tuple[TrialRecord, ...]
    owner: str | None
    storage: str
    runs: str
    confirmation: Mapping[str, Any] | None = None
    test_evaluations: tuple[Mapping[str, Any], ...] = ()
    epochs: int | None = None
    environments: tuple[Mapping[str, Any], ...] = ()

    @property
    def counts(self) -> dict[TrialState, int]:
        """Returns how many trials are in each state."""
        counts: dict[TrialState, int] = dict.fromkeys(TRIAL_STATES, 0)
        for trial in self.trials:
            counts[trial.state] += 1
        return counts

    @property
    def failures(self) -> dict[str, int]:
        """Returns how many trials failed in which way, the commonest first.

        Out of memory is among them, though such a trial counts as pruned.
        """
        kinds = Counter(
            str(trial.attributes.get(FAILURE_KIND) or "unknown")
            for trial in self.trials
            if trial.state == "failed" or FAILURE_KIND in trial.attributes
        )
        return dict(kinds.most_common())


def list_studies(storage: RDBStorage) -> list[StudyRecord]:
    """Returns every search of the database that hpsearch made, by name.

    A confirmation is no search of its own: it is told with the search it belongs to.
    """
    names = sorted(optuna.get_all_study_names(storage))
    studies = [optuna.load_study(study_name=name, storage=storage) for name in names]
    ours = [study for study in studies if DOCUMENT in study.user_attrs]
    searches = [study for study in ours if CONFIRMS not in study.user_attrs]
    return [_read_record(study, storage) for study in searches]


def load_record(storage: RDBStorage, name: str) -> StudyRecord:
    """Returns one study as it stands.

    Raises:
        InputError: there is no such study, or hpsearch did not make it.
    """
    return _read_record(load_study(storage, name), storage)


def stored_spec(storage: RDBStorage, name: str) -> StudySpec:
    """Returns what a study in the database searches, without its file.

    Raises:
        InputError: there is no such study, or hpsearch did not make it.
    """
    return _read_spec(load_study(storage, name))


def load_study(storage: RDBStorage, name: str) -> optuna.Study:
    """Returns Optuna's own study object.

    Raises:
        InputError: there is no such study, or hpsearch did not make it.
    """
    names = optuna.get_all_study_names(storage)
    if name not in names:
        close = get_close_matches(name, names, 1)
        hint = f"did you mean {close[0]}?" if close else "`hpsearch list` shows what there is"
        raise InputError(f"there is no study {name!r} in {redact(storage.url)}; {hint}")
    study = optuna.load_study(study_name=name, storage=storage)
    if DOCUMENT not in study.user_attrs:
        raise InputError(
            f"the study {name!r} in {redact(storage.url)} was not made by hpsearch: no study file"
            " is stored with it, so it can neither be shown nor resumed here"
        )
    _read_spec(study)
    return study


def _read_spec(study: optuna.Study) -> StudySpec:
    """Returns what a study of hpsearch's searches.

    Raises:
        InputError: what is stored is not whole, is another study's, or is of another version.
    """
    attributes, name = study.user_attrs, study.study_name
    try:
        document = json.loads(attributes[DOCUMENT])
        Path(attributes[RUNS])
        spec = StudySpec.from_document(document, tuple(attributes.get(IMPORT_PATHS, ())))
    except (InputError, ValueError, TypeError, KeyError, AttributeError) as error:
        faults = getattr(error, "diagnostics", ())
        reason = "; ".join(f"{fault.path}: {fault.message}" for fault in faults) or repr(error)
        by = (attributes.get(VERSIONS) or {}).get("hpsearch", "of an unknown version")
        raise InputError(
            f"the study {name!r} was stored by hpsearch {by}, and this is hpsearch"
            f" {version('hpsearch')}, which cannot read it: {reason}"
        ) from error
    if spec.name != name:
        # A study file's name is checked; one that was given to a study afterwards is not.
        raise InputError(
            f"the study {name!r} holds the study file of {spec.name!r}: it was renamed or made by"
            " hand, and its name cannot be trusted to name a folder"
        )
    return spec


def trial_record(frozen: FrozenTrial, runs: Path, *, owned: bool = True) -> TrialRecord:
    """Returns a trial of Optuna's as a plain record.

    Args:
        frozen: the trial.
        runs: the study's own folder of trials.
        owned: whether a living coordinator runs the study; without one nothing is running.
    """
    attributes = dict(frozen.user_attrs)
    curve = attributes.pop(CURVE, None) or frozen.intermediate_values
    state = STATES[frozen.state]
    attempts = tuple(attributes.pop(ATTEMPTS, ()))
    runs_now = owned and bool(attempts)  # before its first attempt it is only asked for
    if state == "waiting" or (state == "running" and not runs_now):
        state = "paused" if attributes.get(PAUSED_AT) else "waiting"
    best = runs / trial_folder(frozen.number) / (attributes.pop(CHECKPOINT, None) or "best.ckpt")
    return TrialRecord(
        number=frozen.number,
        state=state,
        params=dict(frozen.params),
        values=tuple(frozen.values) if frozen.values else None,
        values_by_epoch={int(step): curve[step] for step in sorted(curve, key=int)},
        seconds=attributes.pop(SECONDS, None),
        device=attributes.pop(DEVICE, None),
        checkpoint=str(best) if best.exists() else None,
        attempts=attempts,
        attributes=attributes,
    )


def trial_folder(number: int) -> str:
    """Returns the name of a trial's folder within its study's."""
    return f"trial-{number:04d}"


def _read_record(study: optuna.Study, storage: RDBStorage) -> StudyRecord:
    return study_record(study, storage, read_trials(storage.engine, study._study_id))


def study_record(
    study: optuna.Study, storage: RDBStorage, frozen: Sequence[FrozenTrial]
) -> StudyRecord:
    """Returns a study of Optuna's, of which these are the trials, as a plain record."""
    attributes = study.user_attrs
    spec = _read_spec(study)
    owner = find_owner(storage.engine, study._study_id)
    runs = Path(attributes[RUNS])
    folder = runs / study.study_name
    trials = tuple(trial_record(trial, folder, owned=owner is not None) for trial in frozen)
    front = pareto_numbers(frozen, study.directions)
    budget, confirmation = attributes.get(BUDGET), attributes.get(CONFIRMATION)
    return StudyRecord(
        name=study.study_name,
        state=_state(trials, budget, owner),
        objectives=spec.objectives,
        budget=budget,
        trials=trials,
        best=find_winner(trials, spec.objectives, confirmation),
        front=tuple(trial for trial in trials if trial.number in front),
        owner=str(owner) if owner else None,
        storage=redact(storage.url),
        runs=str(runs),
        confirmation=confirmation,
        test_evaluations=tuple(attributes.get(TEST_EVALUATIONS, ())),
        epochs=spec.epochs,
        environments=tuple(attributes.get(ENVIRONMENTS, ())),
    )


def _state(trials: tuple[TrialRecord, ...], budget: int | None, owner: Owner | None) -> StudyState:
    if owner:
        return "running"
    if not trials:
        return "new"
    unfinished = any(trial.state in ("running", "paused", "waiting") for trial in trials)
    if unfinished or (budget is not None and len(trials) < budget):
        return "interrupted"
    return "done"
