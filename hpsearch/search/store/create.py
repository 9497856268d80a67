"""A new study in the database: itself, its attributes and its first trials in one transaction."""

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
    ORIGIN,
    RUNS,
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
    """A trial that waits, with parameters that are given."""

    params: Mapping[str, Scalar]
    attributes: Mapping[str, Any]


@dataclass(frozen=True)
class NewStudy:
    """A study to be made.

    Attributes:
        objectives: metric names and directions.
        attributes: of the study.
        queue: its first trials.
        trials: instead of a queue, trials that have been trained.
        system: attributes that Optuna has given it.
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
    """Makes a study in the database in one transaction, with all that `resume` needs.

    Args:
        spec: what is searched; its known settings are the first trials.
        storage: the database.
        runs: the folder of all studies.
        attributes: more of the study's.
        queue: its trials after those, but for settings that are among them.

    Raises:
        InputError: another process has made a study of this name meanwhile.
    """
    facts = {ID: uuid.uuid4().hex, **_description(spec, runs, spec.trials), **(attributes or {})}
    # What confirms a search trains its finalists, and nothing else.
    first = [] if CONFIRMS in facts else _known_settings(spec, ())
    known = [trial.params for trial in first]
    first += [trial for trial in queue if trial.params not in known]
    insert_study(storage.engine, NewStudy(spec.name, spec.objectives, facts, first))
    # Those who only read a study need no sampler, and not what it takes to build one.
    from hpsearch.search.store.sampling import build_sampler

    return optuna.load_study(study_name=spec.name, storage=storage, sampler=build_sampler(spec, 0))


def new_settings(study: optuna.Study, spec: StudySpec) -> list[QueuedTrial]:
    """Returns the settings that are tried first, but for those that are there already.

    A study that confirms another has none.
    """
    if CONFIRMS in study.user_attrs or not (spec.enqueue or priors_of(spec.space)):
        return []
    trials = study.get_trials(deepcopy=False)
    return _known_settings(spec, [trial.system_attrs.get(FIXED) for trial in trials])


def enqueue(study: optuna.Study, queue: Sequence[QueuedTrial]) -> None:
    """Adds trials that wait to a study of the database; only its owner may."""
    if not queue:
        return
    database = database_of(study)
    assert database is not None, "a study in memory has its settings from the database"
    there = len(study.get_trials(deepcopy=False))
    with database.engine.begin() as connection:
        write(connection, queue_changes(study_id_of(study), there, queue), {})


def _known_settings(spec: StudySpec, there: Sequence[Any]) -> list[QueuedTrial]:
    """Returns the settings that are tried first and are not there.

    All priors together come before the others, and are trained whole.
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
    """Writes what the study is and how far it may go."""
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
        VERSIONS: {name: version(name) for name in RECORDED},
    }


def insert_study(engine: sa.Engine, study: NewStudy) -> None:
    """Writes a study, with all that belongs to it, or nothing.

    What a kill has left of an earlier version's try is replaced.

    Raises:
        InputError: another process has made a study of this name meanwhile.
    """
    try:
        with engine.begin() as connection:
            _delete_unfinished(connection, study.name)
            study_id = _insert(connection, "studies", study_name=study.name)
            _fill_study(connection, study_id, study)
    except IntegrityError as error:
        raise InputError(
            f"another process has just made the study {study.name}: try again"
        ) from error


def insert_study_row(
    connection: sa.Connection, study_id: int, name: str, directions: Sequence[StudyDirection]
) -> None:
    """Writes a study under the id that it had, within a transaction; its attributes come apart."""
    _insert(connection, "studies", study_id=study_id, study_name=name)
    _insert_directions(connection, study_id, directions)


def _insert_directions(
    connection: sa.Connection, study_id: int, directions: Sequence[StudyDirection]
) -> None:
    for objective, direction in enumerate(directions):
        fields = {"study_id": study_id, "objective": objective, "direction": direction}
        _insert(connection, "study_directions", **fields)


def _fill_study(connection: sa.Connection, study_id: int, study: NewStudy) -> None:
    """Writes all of a study but its own row."""
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
    """Returns the changes that add trials that wait, numbered from `first`."""
    changes: list[Mutation] = []
    for number, trial in enumerate(queue, first):
        changes.append(new_trial(study_id, number, TrialState.WAITING, None))
        # As Optuna's `enqueue_trial` has it: its sampler is not asked for these.
        fixed = trial_attribute(number, FIXED, dict(trial.params), system=True)
        changes.append(fixed)
        changes += [
            trial_attribute(number, key, value, system=False)
            for key, value in trial.attributes.items()
        ]
    return changes


def is_unfinished(storage: RDBStorage, name: str) -> bool:
    """Returns whether a study is what a kill has left of its making: it has no trial yet."""
    with storage.engine.connect() as connection:
        return _unfinished_id(connection, name) is not None


def find_confirmation(storage: RDBStorage, name: str) -> tuple[str, bool]:
    """Returns the name of the study that confirms the one of this name, and whether it is there.

    Where a search has the name that the confirmation would get, it gets another.

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
    # Other programs' studies have other attributes; an empty one without any is nobody's.
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
