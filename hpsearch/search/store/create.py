"""Creates a study in the database, with its attributes and first trials, in one transaction."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import optuna
import sqlalchemy as sa
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import IntegrityError

from hpsearch.errors import InputError
from hpsearch.internals.optuna import METRIC_NAMES, TABLES, database_of, study_id_of
from hpsearch.protocol.types import Direction, Scalar
from hpsearch.search.store.keys import (
    BUDGET,
    CONFIRMS,
    DOCUMENT,
    FIXED,
    ID,
    IMPORT_PATHS,
    OF_RUN,
    ORIGIN,
    RUNS,
    SPEED,
    VERSIONS,
    WHOLE,
    confirmation_name,
)
from hpsearch.search.store.tables import (
    Mutation,
    new_trial,
    study_attribute,
    trial_attribute,
    whole_trial,
    write,
)
from hpsearch.studyfile.known_settings import expected_setting, priors_of, read_setting
from hpsearch.studyfile.study import StudySpec

RECORDED = ("hpsearch", "torch", "pytorch-lightning", "torchvision", "optuna")
_ESSENTIAL = {ID, DOCUMENT, IMPORT_PATHS, RUNS}
_DIRECTIONS = {"maximize": StudyDirection.MAXIMIZE, "minimize": StudyDirection.MINIMIZE}


@dataclass(frozen=True)
class QueuedTrial:
    """A waiting trial with given parameters."""

    params: Mapping[str, Scalar]
    attributes: Mapping[str, Any]


@dataclass(frozen=True)
class NewStudy:
    """A study to be created.

    Attributes:
        objectives: metric names and directions.
        attributes: of the study.
        queue: its first trials.
        trials: trials that are trained already, instead of a queue.
        system: Optuna's own attributes of the study.
    """

    name: str
    objectives: Mapping[str, Direction]
    attributes: Mapping[str, Any]
    queue: Sequence[QueuedTrial] = field(default=())
    trials: Sequence[FrozenTrial] = field(default=())
    system: Mapping[str, Any] = field(default_factory=dict)


def create_study(
    spec: StudySpec,
    storage: RDBStorage,
    runs: Path,
    attributes: Mapping[str, Any] | None = None,
    queue: Sequence[QueuedTrial] = (),
) -> optuna.Study:
    """Creates a study in the database in one transaction, with everything that `resume` needs.

    Args:
        spec: what is searched; its known settings are the first trials.
        storage: the database.
        runs: the folder of all studies.
        attributes: additional attributes of the study.
        queue: trials to run after the known settings; a setting that is among those is left out.

    Raises:
        InputError: another process has created a study of this name in the meantime.
    """
    speed = {SPEED: spec.speed} if spec.speed else {}
    described = {ID: uuid.uuid4().hex, **_description(spec, runs, spec.trials), **speed}
    facts = {**described, **(attributes or {})}
    # A confirmation trains the finalists of a search and nothing else.
    first = [] if CONFIRMS in facts else _known_settings(spec, ())
    known = [trial.params for trial in first]
    first += [trial for trial in queue if trial.params not in known]
    insert_study(storage.engine, NewStudy(spec.name, spec.objectives, facts, first))
    # Imported here, since reading a study needs no sampler.
    from hpsearch.search.store.sampling import build_sampler

    return optuna.load_study(study_name=spec.name, storage=storage, sampler=build_sampler(spec, 0))


def new_settings(study: optuna.Study, spec: StudySpec) -> list[QueuedTrial]:
    """Returns the settings to try first that the study does not have yet.

    A confirmation study has none.
    """
    if CONFIRMS in study.user_attrs or not (spec.enqueue or priors_of(spec.space)):
        return []
    trials = study.get_trials(deepcopy=False)
    return _known_settings(spec, [trial.system_attrs.get(FIXED) for trial in trials])


def enqueue(study: optuna.Study, queue: Sequence[QueuedTrial]) -> None:
    """Adds waiting trials to a study in the database; only its owner may do so."""
    if not queue:
        return
    database = database_of(study)
    assert database is not None, "a study in memory has its settings from the database"
    there = len(study.get_trials(deepcopy=False))
    with database.engine.begin() as connection:
        write(connection, queue_changes(study_id_of(study), there, queue), {})


def _known_settings(spec: StudySpec, there: Sequence[Any]) -> list[QueuedTrial]:
    """Returns the settings to try first that the study does not have yet.

    The setting of all priors comes before the others and is trained to its end.
    """
    queue = []
    if (expected := expected_setting(spec.space)) and expected not in there:
        queue.append(QueuedTrial(expected, {ORIGIN: "priors", WHOLE: True}))
    for written in spec.enqueue:
        setting = read_setting(spec.space, written)
        if setting not in [*there, expected, *(trial.params for trial in queue)]:
            queue.append(QueuedTrial(setting, {ORIGIN: "enqueued"}))
    return queue


def describe_study(study: optuna.Study, spec: StudySpec, runs: Path, budget: int | None) -> None:
    """Writes the study's file and its budget."""
    database = database_of(study)
    assert database is not None, "a study in memory is described where it is stored"
    facts = _description(spec, runs, budget)
    changes = [study_attribute(study_id_of(study), k, v, system=False) for k, v in facts.items()]
    with database.engine.begin() as connection:
        write(connection, changes, {})


def _description(spec: StudySpec, runs: Path, budget: int | None) -> dict[str, Any]:
    return {
        DOCUMENT: json.dumps(spec.document),
        IMPORT_PATHS: list(spec.import_paths),
        RUNS: str(runs.resolve()),
        BUDGET: budget,
        **OF_RUN,
        VERSIONS: {name: version(name) for name in RECORDED},
    }


def insert_study(engine: sa.Engine, study: NewStudy) -> None:
    """Writes a study with everything in it, or nothing.

    An unfinished study that an earlier version left when it was killed is replaced.

    Raises:
        InputError: another process has created a study of this name in the meantime.
    """
    try:
        with engine.begin() as connection:
            _delete_unfinished(connection, study.name)
            study_id = _insert(connection, "studies", study_name=study.name)
            _fill_study(connection, study_id, study)
    except IntegrityError as error:
        raise InputError(
            f"another process has just created the study {study.name}: try again"
        ) from error


def insert_study_row(
    connection: sa.Connection, study_id: int, name: str, directions: Sequence[StudyDirection]
) -> None:
    """Writes a study under its former id within a transaction, without its attributes."""
    _insert(connection, "studies", study_id=study_id, study_name=name)
    _insert_directions(connection, study_id, directions)


def _insert_directions(
    connection: sa.Connection, study_id: int, directions: Sequence[StudyDirection]
) -> None:
    for objective, direction in enumerate(directions):
        fields = {"study_id": study_id, "objective": objective, "direction": direction}
        _insert(connection, "study_directions", **fields)


def _fill_study(connection: sa.Connection, study_id: int, study: NewStudy) -> None:
    """Writes everything of a study except its own row."""
    directions = [_DIRECTIONS[direction] for direction in study.objectives.values()]
    _insert_directions(connection, study_id, directions)
    names = list(study.objectives)
    changes = [
        study_attribute(study_id, METRIC_NAMES, names, system=True),
        *(study_attribute(study_id, k, v, system=False) for k, v in study.attributes.items()),
        *(study_attribute(study_id, k, v, system=True) for k, v in study.system.items()),
        *queue_changes(study_id, 0, study.queue),
        *(change for trial in study.trials for change in whole_trial(study_id, trial)),
    ]
    write(connection, changes, {})


def queue_changes(study_id: int, first: int, queue: Iterable[QueuedTrial]) -> list[Mutation]:
    """Returns the changes that add waiting trials, numbered from `first`."""
    changes: list[Mutation] = []
    for number, trial in enumerate(queue, first):
        changes.append(new_trial(study_id, number, TrialState.WAITING, None))
        # As Optuna's `enqueue_trial` does: the sampler is not asked for these.
        fixed = trial_attribute(number, FIXED, dict(trial.params), system=True)
        changes.append(fixed)
        changes += [
            trial_attribute(number, key, value, system=False)
            for key, value in trial.attributes.items()
        ]
    return changes


def is_unfinished(storage: RDBStorage, name: str) -> bool:
    """Returns whether a study was left unfinished when its creation was killed: it has no trial."""
    with storage.engine.connect() as connection:
        return _unfinished_id(connection, name) is not None


def find_confirmation(storage: RDBStorage, name: str) -> tuple[str, bool]:
    """Returns the name of a search's confirmation study, and whether it exists.

    If another search has the usual name, the confirmation gets a different one.

    Raises:
        InputError: that one is taken as well.
    """
    first = confirmation_name(name)
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    second = confirmation_name(f"{name[:32]}-{digest}")
    names = optuna.get_all_study_names(storage)
    for tried in (first, second):
        if tried not in names or is_unfinished(storage, tried):
            return tried, False
        study = optuna.load_study(study_name=tried, storage=storage)
        if study.user_attrs.get(CONFIRMS) == name:
            return tried, True
    raise InputError(f"{first} and {second} are separate studies: delete or rename one of them")


def _unfinished_id(connection: sa.Connection, name: str) -> int | None:
    studies, trials = TABLES["studies"], TABLES["trials"]
    attributes = TABLES["study_user_attributes"]
    found = connection.execute(
        sa.select(studies.c.study_id).where(studies.c.study_name == name)
    ).scalar()
    if found is None:
        return None
    query = sa.select(trials.c.trial_id).where(trials.c.study_id == found).limit(1)
    if connection.execute(query).scalar() is not None:
        return None
    query = sa.select(attributes.c.key).where(attributes.c.study_id == found)
    keys = {row[0] for row in connection.execute(query)}
    # Studies of other programs have other attributes; an empty study has none at all.
    complete = keys >= _ESSENTIAL or any(not key.startswith("hpsearch:") for key in keys)
    return None if complete else cast(int, found)


def _delete_unfinished(connection: sa.Connection, name: str) -> None:
    study_id = _unfinished_id(connection, name)
    if study_id is None:
        return
    for name in (
        "study_user_attributes",
        "study_system_attributes",
        "study_directions",
        "studies",
    ):
        table = TABLES[name]
        connection.execute(table.delete().where(table.c.study_id == study_id))


def _insert(connection: sa.Connection, table: str, **fields: Any) -> int:
    done = connection.execute(TABLES[table].insert().values(**fields))
    return cast(int, cast(Any, done.inserted_primary_key)[0])
