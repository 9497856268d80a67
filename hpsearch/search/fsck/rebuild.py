"""Rebuilds a lost database from a study's folder and those of its trials."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from hpsearch.errors import InputError
from hpsearch.internals.optuna import storage_of, study_id_of, trial_id_of
from hpsearch.protocol.events import best_report, read_record
from hpsearch.protocol.job import identity_of
from hpsearch.protocol.layout import trial_folder
from hpsearch.protocol.messages import Ended
from hpsearch.protocol.types import primary
from hpsearch.search.fsck.files import list_numbers
from hpsearch.search.store import (
    EVENTS,
    OWNER_FILE,
    NewStudy,
    StudyWriter,
    database_file,
    examine_folder,
    insert_study,
    open_storage,
    owner_fault,
    read_decisions,
    read_owner_file,
    read_params,
    redact,
    runs_of,
)
from hpsearch.search.store.keys import DECISIONS, DOCUMENT, FIXED, ID, IMPORT_PATHS, SECONDS, SEED
from hpsearch.studyfile.study import StudySpec


@dataclass(frozen=True)
class Rebuilt:
    """The result of a rebuild.

    Attributes:
        folder: the study's folder that it was built from.
        trials: how many, including those without a record, which are trained again.
        finished: how many of them are finished.
        left_out: folders that are not the trial's own, or cannot be shown to be.
    """

    folder: Path
    trials: int
    finished: int
    left_out: tuple[str, ...]


def rebuild_study(url: str, name: str, runs: Path | None) -> Rebuilt:
    """Rebuilds a study in a database that has lost it, in one transaction.

    Raises:
        InputError: the database has the study, or its folder lacks what is needed.
    """
    folder = _find_folder(url, name, runs)
    if how := owner_fault(folder):
        raise InputError(
            f"{folder / OWNER_FILE} is {how}, and no other file has the study file: restore a copy"
            f" of it, or of the database, then: hpsearch fsck {name} --rebuild"
        )
    kept = read_owner_file(folder)
    attributes: Mapping[str, Any] = kept.get("attributes") or {}
    if not attributes.keys() >= {ID, DOCUMENT}:
        raise InputError(
            f"{folder / OWNER_FILE} does not hold the study file, as in folders of earlier"
            " versions: a database cannot be rebuilt from it"
        )
    spec = _read_spec(attributes, folder)
    database = open_storage(url)
    if name in optuna.get_all_study_names(database):
        raise InputError(
            f"the study {name} exists in {redact(url)}: compare it with its folder instead:"
            f" hpsearch fsck {name}"
        )
    restored = _Restored(spec, attributes[ID], folder, kept.get("trials") or {})
    trials = restored.all()
    insert_study(database.engine, NewStudy(name, spec.objectives, attributes, trials=trials))
    finished = sum(trial.state.is_finished() for trial in trials)
    return Rebuilt(folder, len(trials), finished, tuple(restored.left_out))


def _find_folder(url: str, name: str, runs: Path | None) -> Path:
    file = database_file(url)
    folder = (runs or runs_of(file)) / name
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}: name its parent with --runs")
    return folder


def _read_spec(attributes: Mapping[str, Any], folder: Path) -> StudySpec:
    paths = tuple(attributes.get(IMPORT_PATHS, ()))
    try:
        return StudySpec.from_document(json.loads(attributes[DOCUMENT]), paths)
    except (InputError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(
            f"{folder / OWNER_FILE} holds a study file that cannot be read ({error}): restore a"
            " copy of it, or of the database"
        ) from error


class _Restored:
    """A study's trials, restored from their own records.

    They go through the same code as those of a search, so that their rows are the same.
    """

    def __init__(
        self, spec: StudySpec, study_id: str, folder: Path, facts: Mapping[str, Any]
    ) -> None:
        self._spec = spec
        self._id = study_id
        self._folder = folder
        self._facts = facts  # of enqueued trials, by number
        self._study = optuna.create_study(
            study_name=spec.name, directions=list(spec.objectives.values())
        )
        self._writer = StudyWriter(self._study, spec)
        # They are not decided again: the order of the reports, and so what was known, is lost.
        self._writer.explains = False
        self._decisions = read_decisions(folder)
        self.left_out: list[str] = []

    def all(self) -> list[FrozenTrial]:
        """Returns every trial, by number; one without a folder waits to be trained again."""
        numbers = [*list_numbers(self._folder), *map(int, self._facts)]
        for number in range(max(numbers, default=-1) + 1):
            self._restore(number)
        return self._study.get_trials(deepcopy=True)

    def _restore(self, number: int) -> None:
        place = self._folder / trial_folder(number)
        given = dict(self._facts.get(str(number), {}))
        params = given.pop(FIXED, None) or read_params(place)
        storage = storage_of(self._study)
        fixed = {FIXED: dict(params)} if params else {}
        template = create_trial(state=TrialState.RUNNING, system_attrs=fixed, user_attrs=given)
        trial = Trial(self._study, storage.create_new_trial(study_id_of(self._study), template))
        if params:
            self._refill(trial, params, given.get(SEED), place)
        if not self._writer.trial(number).state.is_finished():
            storage.set_trial_state_values(trial_id_of(trial), TrialState.WAITING)

    def _refill(
        self, trial: Trial, params: Mapping[str, Any], seed: int | None, place: Path
    ) -> None:
        owners = read_record(place / EVENTS).owners
        drawn = self._spec.seed_of(trial.number) if seed is None else seed
        if owners and seed is None and owners[-1].get("seed") != drawn:
            drawn = owners[-1]["seed"]
            trial.set_user_attr(SEED, drawn)
        identity = identity_of(self._id, trial.number, params, drawn)
        evidence = examine_folder(place, identity, params)
        if evidence.foreign:
            self.left_out.append(f"{place.name} ({evidence.whose})")
            return
        self._writer.sample(trial)
        record = evidence.record
        self._writer.replay(trial, record.reports)
        if decisions := self._decisions.get((trial.number, str(identity["parameters"]))):
            trial.set_user_attr(DECISIONS, decisions)
        if record.reports:
            last = record.reports[-1]
            facts = {SECONDS: round(last.seconds, 3)}
            if "parameters" in last.metrics:
                facts["parameters"] = int(last.metrics["parameters"])
            self._writer.set_facts(trial, facts)
        # A paused trial that is pruned has no process that could write its end.
        pruned = decisions and record.reports and decisions[-1]["action"] == "prune"
        ended = record.ended or (Ended("pruned") if pruned else None)
        if ended is not None:
            best = best_report(record.reports, *primary(self._spec.objectives))
            self._writer.tell(trial, ended, best)
            self._date(trial.number, place / EVENTS, record.reports)

    def _date(self, number: int, events: Path, reports: list[Any]) -> None:
        """Sets a trial's times from its files, since its rows were lost."""
        frozen = self._writer.trial(number)
        ended = datetime.fromtimestamp(events.stat().st_mtime)
        seconds = reports[-1].seconds if reports else 0.0
        frozen.datetime_complete = ended
        frozen.datetime_start = ended - timedelta(seconds=seconds)
