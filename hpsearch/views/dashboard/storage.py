"""The database as optuna-dashboard sees it: read only, with notes and files that are not in it."""

from __future__ import annotations

import json
from collections.abc import Container, Sequence
from contextlib import suppress
from copy import copy
from datetime import datetime
from typing import Any, final

import optuna
import sqlalchemy
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState

from hpsearch.errors import InputError
from hpsearch.internals.optuna import CachedStorage, FrozenStudy, study_id_of, trial_id_of
from hpsearch.protocol.types import Direction, primary
from hpsearch.search.store import (
    RecordComparison,
    TrialRecord,
    find_owner,
    open_study,
    read_storage,
    trial_record,
    without_results,
)
from hpsearch.search.store.keys import ATTEMPTS, DOCUMENT, FAILURE, OURS
from hpsearch.studyfile.sections import report_unit
from hpsearch.views.dashboard.artifacts import (
    PICTURES,
    OwnFiles,
    artifact_attributes,
    artifact_path,
    find_files,
    kinds_of,
)
from hpsearch.views.dashboard.notes import study_note, trial_note

MOST_ANNOTATED = 200
_FORBID_WRITING = {
    "mariadb": "SET SESSION TRANSACTION READ ONLY",
    "mysql": "SET SESSION TRANSACTION READ ONLY",
    "postgresql": "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
}


def open_to_read(url: str) -> RDBStorage:
    """Opens a database so that nothing can be written through this storage.

    A search that runs stays the only writer. Writers and readers of SQLite do not wait for each
    other, since the database keeps a write-ahead log.

    Raises:
        InputError: there is no such database, or it cannot be opened.
    """
    storage = read_storage(url)
    statement = _FORBID_WRITING.get(storage.engine.dialect.name)

    @sqlalchemy.event.listens_for(storage.engine, "connect")
    def forbid_writing(connection: Any, _: Any) -> None:
        if statement:
            cursor = connection.cursor()
            cursor.execute(statement)
            cursor.close()
            connection.commit()

    storage.scoped_session.remove()
    storage.engine.dispose()
    return storage


@final
class AnnotatedStorage(CachedStorage):
    """A storage whose studies have a note and files for each trial, created when they are read.

    optuna-dashboard looks for both among a study's system attributes. They are derived from the
    trial and its folder: storing them would need a second writer, and they would become stale.
    """

    def __init__(self, backend: RDBStorage) -> None:
        super().__init__(backend)
        self._engine = backend.engine
        self._database = backend
        self._comparisons: dict[int, RecordComparison | None] = {}
        self._contradictions: dict[
            int, str
        ] = {}  # of finished trials, by id: what Optuna caches, too
        self._finished: dict[int, dict[str, Any]] = {}

    def get_all_studies(self) -> list[FrozenStudy]:
        """Returns every study, annotated."""
        studies = super().get_all_studies()
        for study in studies:
            if DOCUMENT in study.user_attrs:
                study.system_attrs = self._annotations(study_id_of(study)) | study.system_attrs
                # They are our own JSON; the study's note has their useful parts in words.
                study.user_attrs = {
                    key: value
                    for key, value in study.user_attrs.items()
                    if not key.startswith(OURS)
                }
        return studies

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        """Returns a study's system attributes, annotated."""
        stored = super().get_study_system_attrs(study_id)
        if DOCUMENT not in self.get_study_user_attrs(study_id):
            return stored
        return self._annotations(study_id) | stored

    def get_all_trials(
        self,
        study_id: int,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        """Returns a study's trials; one whose own record contradicts its values has failed here."""
        trials = super().get_all_trials(study_id, deepcopy=deepcopy)
        shown = [from_its_beginning(self._proved(study_id, trial)) for trial in trials]
        return [trial for trial in shown if states is None or trial.state in states]

    def _proved(self, study_id: int, trial: FrozenTrial) -> FrozenTrial:
        """Returns a finished trial as its own record proves it; others as they are."""
        if not trial.state.is_finished():
            return trial
        number = trial_id_of(trial)
        if number not in self._contradictions:
            comparison = self._comparison(study_id)
            self._contradictions[number] = (comparison and comparison.contradiction(trial)) or ""
        contradiction = self._contradictions[number]
        if not contradiction:
            return trial
        failed = without_results(trial)
        failed.user_attrs |= {FAILURE: f"its values are not shown: {contradiction}"}
        return failed

    def _comparison(self, study_id: int) -> RecordComparison | None:
        if study_id not in self._comparisons:
            found = None
            with suppress(InputError):  # a study of others, or one that cannot be read
                found = open_study(
                    self._database, self.get_study_name_from_id(study_id)
                ).comparison()
            self._comparisons[study_id] = found
        return self._comparisons[study_id]

    def _annotations(self, study_id: int) -> dict[str, Any]:
        attributes = self.get_study_user_attrs(study_id)
        study = optuna.load_study(study_name=self.get_study_name_from_id(study_id), storage=self)
        document = json.loads(attributes[DOCUMENT])
        objectives, unit = document["study"]["objective"], report_unit(document.get("trainer"))
        has_owner = find_owner(self._engine, study_id) is not None
        found: dict[str, Any] = {
            "dashboard:note_ver": 1,
            "dashboard:note_str:0": study_note(attributes),
        }
        trials = self.get_all_trials(study_id, deepcopy=False)
        for frozen in choose_annotated(trials, primary(objectives)[1]):
            if trial_id_of(frozen) in self._finished:
                found |= self._finished[trial_id_of(frozen)]
                continue
            files = find_files(study, frozen)
            trial = trial_record(frozen, files.folder.parent, has_owner=has_owner)
            made = _of_trial(study_id, trial_id_of(frozen), trial, list(objectives), unit, files)
            if frozen.state.is_finished():
                self._finished[trial_id_of(frozen)] = made
            found |= made
        return found


def from_its_beginning(trial: FrozenTrial) -> FrozenTrial:
    """Returns a trial that begins with its first attempt.

    Optuna notes the last time that it began to run: for a paused trial that was pruned in the end,
    that is when the study ended, and a timeline would have no bar for it.
    """
    attempts = trial.user_attrs.get(ATTEMPTS)
    if not attempts or trial.datetime_start is None:
        return trial
    started = datetime.fromisoformat(attempts[0]["started"]).astimezone().replace(tzinfo=None)
    if started >= trial.datetime_start:
        return trial
    shown = copy(trial)
    shown.datetime_start = started
    return shown


def choose_annotated(trials: Sequence[FrozenTrial], direction: Direction) -> list[FrozenTrial]:
    """Returns the trials to annotate: all, up to 200, or else the newest 100 and the best 100.

    For each trial optuna-dashboard looks through the attributes of all.
    """
    if len(trials) <= MOST_ANNOTATED:
        return list(trials)
    half = MOST_ANNOTATED // 2
    complete = [trial for trial in trials[:-half] if trial.state == TrialState.COMPLETE]
    best = sorted(complete, key=lambda trial: trial.values[0], reverse=direction == "maximize")
    return [*best[:half], *trials[-half:]]


def _of_trial(
    study_id: int,
    trial_id: int,
    trial: TrialRecord,
    objectives: Sequence[str],
    unit: str,
    files: OwnFiles,
) -> dict[str, Any]:
    kinds = kinds_of(files)
    pictures = {
        shown: artifact_path(study_id, trial_id, trial.number, kind)
        for shown, kind in PICTURES.items()
        if kind in kinds
    }
    return artifact_attributes(study_id, trial_id, trial.number, kinds) | {
        f"dashboard:{trial_id}:note_ver": 1,
        f"dashboard:{trial_id}:note_str:0": trial_note(objectives, trial, pictures, unit),
    }
