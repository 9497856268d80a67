"""Opens a study in the database once, for everything that reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.metadata import version
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState

from hpsearch.errors import InputError
from hpsearch.internals.optuna import study_id_of
from hpsearch.search.rungs import pareto_numbers
from hpsearch.search.store.create import find_confirmation, is_unfinished
from hpsearch.search.store.database import database_file, redact
from hpsearch.search.store.keys import (
    BUDGET,
    CONFIRMATION,
    CONFIRMS,
    DOCUMENT,
    ENSEMBLE,
    ENVIRONMENTS,
    ID,
    LAST_RUN,
    MOVED,
    PAUSED,
    RUN_EPOCHS,
    RUNS,
    SPEED,
    TEST_EVALUATIONS,
    VERSIONS,
)
from hpsearch.search.store.lease import Lease, find_owner, take_lease
from hpsearch.search.store.lost import rebuilding_words
from hpsearch.search.store.proof import RecordComparison
from hpsearch.search.store.records import StudyRecord, find_winner, in_bulk, state_of, trial_record
from hpsearch.search.store.run_folder import find_import_paths, find_runs, is_readable
from hpsearch.search.store.shape import check_objectives, check_shape, readable
from hpsearch.search.store.tables import count_trials, read_trials
from hpsearch.studyfile.sections import report_unit
from hpsearch.studyfile.study import StudySpec


@dataclass(frozen=True)
class StoredStudy:
    """A study as it is stored in the database.

    Attributes:
        database: where it is.
        study: Optuna's own object.
        spec: what it searches, from the stored study file.
    """

    database: RDBStorage
    study: optuna.Study
    spec: StudySpec

    @property
    def name(self) -> str:
        """The study's name."""
        return self.spec.name

    @property
    def row(self) -> int:
        """The study's id in the tables of the database."""
        return study_id_of(self.study)

    def count(self, *states: TrialState) -> int:
        """Returns how many trials it has in the given states, or in all."""
        return count_trials(self.database.engine, self.row, states)

    def own(self) -> Lease:
        """Makes this process the study's owner.

        Raises:
            InputError: another living process owns it, or it was copied to another database.
        """
        if place := self.study.user_attrs.get(MOVED):
            here = redact(self.database.url)
            raise InputError(
                f"the study {self.name} was copied to {place} and continues there: add --storage"
                f" {place}. To bring it back: hpsearch copy {self.name} --from {place} --to {here}."
                " If that database is lost, rebuild it from the study's folder: hpsearch fsck"
                f" {self.name} --rebuild --storage URL"
            )
        return take_lease(self.database.engine, self.row, self.name)

    @property
    def epochs_are_spent(self) -> bool:
        """Whether the last run ended because the study's budget in epochs allows no more trials."""
        last, limit = self.study.user_attrs.get(LAST_RUN), self.spec.epochs
        return isinstance(last, dict) and limit is not None and last.get("spent", 0) >= limit

    def trials(self) -> list[FrozenTrial]:
        """Returns its trials as Optuna's own storage does.

        Raises:
            InputError: a row holds something that hpsearch does not write.
        """
        with readable(self.name):
            return read_trials(self.database.engine, self.row)

    @in_bulk()
    def record(self, frozen: Sequence[FrozenTrial] | None = None) -> StudyRecord:
        """Returns the study as it is now; `frozen` are its trials, read if they are not given."""
        frozen = self.trials() if frozen is None else frozen
        attributes, spent = self.study.user_attrs, self.epochs_are_spent
        check_shape(self.name, attributes, frozen)
        owner = find_owner(self.database.engine, self.row)
        folder = (runs := find_runs(self.study, None).absolute()) / self.name
        comparison = self.comparison(folder)
        contradictions = comparison.contradictions(frozen) if comparison else {}
        trials = tuple(
            trial_record(
                trial,
                folder,
                has_owner=owner is not None,
                contradiction=contradictions.get(trial.number) or "",
            )
            for trial in frozen
        )
        proved = [trial for trial in frozen if not contradictions.get(trial.number)]
        check_objectives(self.name, self.spec.objectives, self.study.directions, proved)
        numbers = pareto_numbers(proved, self.study.directions)
        budget, confirmation = attributes.get(BUDGET), attributes.get(CONFIRMATION)
        return StudyRecord(
            name=self.name,
            state=state_of(
                trials, None if spent else budget, owner, paused=bool(attributes.get(PAUSED))
            ),
            objectives=self.spec.objectives,
            budget=budget,
            trials=trials,
            best=find_winner(trials, self.spec.objectives, confirmation),
            pareto_front=tuple(trial for trial in trials if trial.number in numbers),
            owner=str(owner) if owner else None,
            storage=redact(self.database.url),
            runs=str(runs),
            confirmation=confirmation,
            test_evaluations=tuple(attributes.get(TEST_EVALUATIONS, ())),
            epochs=self.spec.epochs,
            run_epochs=attributes.get(RUN_EPOCHS) if owner else None,
            environments=tuple(attributes.get(ENVIRONMENTS, ())),
            id=attributes.get(ID, ""),
            unit=report_unit(self.spec.document["trainer"]),
            ensemble=attributes.get(ENSEMBLE),
            moved=attributes.get(MOVED),
            unproved=_unproved(frozen, contradictions) if comparison else None,
            speed=attributes.get(SPEED),
            confirms=attributes.get(CONFIRMS),
            last_run=None if owner else attributes.get(LAST_RUN),
            epochs_spent=spent,
        )

    def comparison(self, folder: Path | None = None) -> RecordComparison | None:
        """Returns a comparison of values with the trials' records; None if they cannot be read.

        Args:
            folder: the study's own if it is known already; None finds it.
        """
        folder = find_runs(self.study, None).absolute() / self.name if folder is None else folder
        study_id, spec = self.study.user_attrs.get(ID, ""), self.spec
        there = is_readable(folder)
        return RecordComparison(study_id, spec.seed_of, spec.objectives, folder) if there else None


def _unproved(
    trials: Sequence[FrozenTrial], contradictions: Mapping[int, str | None]
) -> tuple[int, ...]:
    """Returns the finished trials that have values but no record in their folder."""
    finished = (trial.number for trial in trials if trial.state.is_finished())
    return tuple(number for number in finished if contradictions.get(number, "") is None)


def open_study(database: RDBStorage, name: str) -> StoredStudy:
    """Returns a study in the database; its stored file is parsed once.

    Raises:
        InputError: there is no such study, or hpsearch did not create it.
    """
    if name not in (names := optuna.get_all_study_names(database)):
        close = get_close_matches(name, names, 1)
        hint = f"did you mean {close[0]}?" if close else "`hpsearch list` shows what there is"
        hint = rebuilding_words(database_file(database.url), redact(database.url), name) or hint
        if name.endswith((".yaml", ".yml")):
            hint = "that is a file: write the study's name, study.name in the file"
        raise InputError(f"there is no study {name!r} in {redact(database.url)}; {hint}")
    with readable(name):
        study = optuna.load_study(study_name=name, storage=database)
        attributes = study.user_attrs
    check_shape(name, attributes)
    if DOCUMENT not in attributes:
        raise InputError(
            f"the study {name!r} in {redact(database.url)} was not made by hpsearch: no study file"
            " is stored with it, so it can neither be shown nor resumed here"
        )
    return StoredStudy(database, study, _read_spec(study))


def find_study(database: RDBStorage, name: str) -> StoredStudy | None:
    """Returns a study in the database; None if there is none of this name, or an unfinished one."""
    there = name in optuna.get_all_study_names(database) and not is_unfinished(database, name)
    return open_study(database, name) if there else None


def stored_document(database: RDBStorage, name: str) -> object:
    """Returns the study file stored with a study, as data; None if there is none."""
    if name not in optuna.get_all_study_names(database):
        return None
    text = optuna.load_study(study_name=name, storage=database).user_attrs.get(DOCUMENT)
    return json.loads(text) if isinstance(text, str) else None


def with_confirmation(stored: StoredStudy) -> tuple[StoredStudy, ...]:
    """Returns the study, followed by its confirmation if it has one."""
    name, there = find_confirmation(stored.database, stored.name)
    return (stored, open_study(stored.database, name)) if there else (stored,)


@dataclass(frozen=True)
class StudyList:
    """The searches of a database.

    Attributes:
        studies: those that can be read, sorted by name.
        unreadable: by name, why each of the others cannot be read.
    """

    studies: tuple[StudyRecord, ...]
    unreadable: Mapping[str, str]


def list_studies(storage: RDBStorage) -> StudyList:
    """Returns every search in the database that hpsearch created.

    A confirmation is part of its search and not listed separately.
    """
    studies, unreadable = [], {}
    for name in sorted(optuna.get_all_study_names(storage)):
        try:
            study = optuna.load_study(study_name=name, storage=storage)
            attributes = study.user_attrs
            if CONFIRMS in attributes:
                continue
            if DOCUMENT in attributes:
                studies.append(StoredStudy(storage, study, _read_spec(study)).record())
            elif any(key.startswith("hpsearch:") for key in attributes):
                unreadable[name] = "its creation was interrupted; `run` creates it again"
        except (InputError, ValueError, LookupError, TypeError, AttributeError) as error:
            unreadable[name] = str(error) if isinstance(error, InputError) else repr(error)
    return StudyList(tuple(studies), unreadable)


def load_record(storage: RDBStorage, name: str) -> StudyRecord:
    """Returns one study as it is now.

    Raises:
        InputError: there is no such study, or hpsearch did not create it.
    """
    return open_study(storage, name).record()


def _read_spec(study: optuna.Study) -> StudySpec:
    """Returns the spec of a study that hpsearch created.

    Raises:
        InputError: the stored file is incomplete, another study's, or of another version.
    """
    attributes, name = study.user_attrs, study.study_name
    try:
        document = json.loads(attributes[DOCUMENT])
        Path(attributes[RUNS])
        spec = StudySpec.from_document(document, find_import_paths(study))
    except (InputError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(
            f"the study {name!r} was stored by hpsearch {_version_of(attributes)}, and this is"
            f" hpsearch {version('hpsearch')}, which cannot read it: {_reason(error)}"
        ) from error
    if spec.name != name:
        # The name in a study file is checked; a name that a study got later is not.
        raise InputError(
            f"the study {name!r} holds the study file of {spec.name!r}: it was renamed or made by"
            " hand, and its name cannot be trusted to name a folder"
        )
    return spec


def _version_of(attributes: dict[str, Any]) -> str:
    return str((attributes.get(VERSIONS) or {}).get("hpsearch", "of an unknown version"))


def _reason(error: Exception) -> str:
    found = getattr(error, "diagnostics", ())
    return "; ".join(f"{one.path}: {one.message}" for one in found) or repr(error)
