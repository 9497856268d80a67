"""Writes a study's changes as rows of Optuna's tables; writing one twice has no further effect.

Optuna's own storage commits after every change, one object at a time. Here, many changes share one
transaction, so that an owner checks its lease and writes in a single step. Of several changes to
one row, only the last is written, and each table is written with one statement.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, cast, final

import sqlalchemy as sa
from optuna.distributions import BaseDistribution, distribution_to_json, json_to_distribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.dialects import postgresql, sqlite

from hpsearch.internals.optuna import (
    TABLES,
    decode_intermediate,
    decode_value,
    encode_intermediate,
    encode_value,
)

# Trials are identified by number; the database gives each an id when it is first written.
Ids = MutableMapping[int, int]

Key = tuple[tuple[str, Any], ...]


@final
@dataclass(frozen=True)
class NewTrial:
    """A trial to add, unless an earlier attempt has added it already."""

    study_id: int
    number: int
    state: TrialState
    started: datetime | None


@final
@dataclass(frozen=True)
class Row:
    """The content of a row, whether the row exists already or not.

    Attributes:
        table: its table; all rows of a table have the same fields.
        trial: number of the trial that it belongs to; None if it belongs to the study.
        key: the other columns that identify the row, with values; empty for the trial's own row,
            which exists already.
        fields: the values to write.
    """

    table: sa.Table
    trial: int | None
    key: Key
    fields: Mapping[str, Any]


# Everything here is written in one transaction, or not at all.
Mutation = tuple[NewTrial | Row, ...]


def write(connection: sa.Connection, changes: Iterable[Mutation], ids: Ids) -> None:
    """Writes changes within a transaction.

    Args:
        connection: of the transaction.
        changes: in order.
        ids: of the trials by number; ids of new trials are added.
    """
    latest: dict[tuple[sa.Table, int | None, Key], dict[str, Any]] = {}
    for row in (row for change in changes for row in change):
        if isinstance(row, NewTrial):
            ids[row.number] = _id_of(connection, row)
        else:
            latest.setdefault((row.table, row.trial, row.key), {}).update(row.fields)
    tables: dict[tuple[sa.Table, tuple[str, ...]], list[dict[str, Any]]] = defaultdict(list)
    for (table, trial, key), fields in latest.items():
        which = dict(key) if trial is None else {"trial_id": ids[trial], **dict(key)}
        if key:
            tables[table, tuple(which)].append({**which, **fields})
        else:
            connection.execute(
                table.update().where(table.c.trial_id == which["trial_id"]).values(**fields)
            )
    for (table, names), rows in tables.items():
        connection.execute(_upsert(connection.dialect.name, table, names, rows[0]), rows)


def new_trial(study_id: int, number: int, state: TrialState, started: datetime | None) -> Mutation:
    """Returns the change that adds a trial, unless an earlier attempt has added it already."""
    return (NewTrial(study_id, number, state, _utc(started)),)


def trial_state(
    number: int,
    state: TrialState,
    values: Sequence[float] | None,
    started: datetime | None,
    completed: datetime | None,
) -> Mutation:
    """Returns the change that moves a trial to a state, with its values if it has any."""
    times = {"datetime_start": _utc(started), "datetime_complete": _utc(completed)}
    rows = [Row(TABLES["trials"], number, (), {"state": state, **times})]
    for objective, value in enumerate(values or ()):
        stored, kind = encode_value(value)
        fields = {"value": stored, "value_type": kind}
        table = TABLES["trial_values"]
        rows.append(Row(table, number, (("objective", objective),), fields))
    return tuple(rows)


def parameter(
    number: int, name: str, internal_value: float, distribution: BaseDistribution
) -> Mutation:
    """Returns the change that sets one parameter of a trial."""
    fields = {
        "param_value": internal_value,
        "distribution_json": distribution_to_json(distribution),
    }
    return (Row(TABLES["trial_params"], number, (("param_name", name),), fields),)


def value_after(number: int, step: int, value: float) -> Mutation:
    """Returns the change that sets a trial's value after an epoch."""
    stored, kind = encode_intermediate(value)
    fields = {"intermediate_value": stored, "intermediate_value_type": kind}
    table = TABLES["trial_intermediate_values"]
    return (Row(table, number, (("step", step),), fields),)


def trial_attribute(number: int, key: str, value: Any, *, system: bool) -> Mutation:
    """Returns the change that sets an attribute of a trial."""
    table = TABLES["trial_system_attributes" if system else "trial_user_attributes"]
    return (Row(table, number, (("key", key),), {"value_json": json.dumps(value)}),)


def direction_change(study_id: int, objective: int, direction: StudyDirection) -> Mutation:
    """Returns the change that sets the direction of one of a study's objectives."""
    key = (("study_id", study_id), ("objective", objective))
    return (Row(TABLES["study_directions"], None, key, {"direction": direction}),)


def whole_trial(study_id: int, trial: FrozenTrial) -> list[Mutation]:
    """Returns the changes that write a whole trial."""
    number = trial.number
    times = trial.datetime_start, trial.datetime_complete
    changes = [new_trial(study_id, number, trial.state, trial.datetime_start)]
    for name, distribution in trial.distributions.items():
        stored = distribution.to_internal_repr(trial.params[name])
        changes.append(parameter(number, name, stored, distribution))
    changes += [value_after(number, *item) for item in trial.intermediate_values.items()]
    for system, attributes in ((False, trial.user_attrs), (True, trial.system_attrs)):
        changes += [trial_attribute(number, *item, system=system) for item in attributes.items()]
    values = trial.values if trial.values else None
    changes.append(trial_state(number, trial.state, values, *times))
    return changes


def study_attribute(study_id: int, key: str, value: Any, *, system: bool) -> Mutation:
    """Returns the change that sets an attribute of the study."""
    table = TABLES["study_system_attributes" if system else "study_user_attributes"]
    which = (("study_id", study_id), ("key", key))
    return (Row(table, None, which, {"value_json": json.dumps(value)}),)


def _id_of(connection: sa.Connection, trial: NewTrial) -> int:
    """Returns the database's id of a trial; adds the trial if it is missing."""
    table = TABLES["trials"]
    this = sa.and_(table.c.study_id == trial.study_id, table.c.number == trial.number)
    known = connection.execute(sa.select(table.c.trial_id).where(this)).scalar()
    if known is None:
        row = {"study_id": trial.study_id, "number": trial.number, "state": trial.state}
        done = connection.execute(table.insert().values(**row, datetime_start=trial.started))
        known = cast(Any, done.inserted_primary_key)[0]
    return cast(int, known)


def _upsert(dialect: str, table: sa.Table, key: Sequence[str], columns: Iterable[str]) -> sa.Insert:
    """Returns the statement that adds rows, and updates those whose key exists already."""
    fields = [name for name in columns if name not in key]
    if dialect in ("mysql", "mariadb"):
        # Imported only if such a database is used.
        from sqlalchemy.dialects import mysql

        added = mysql.insert(table)
        return added.on_duplicate_key_update({name: added.inserted[name] for name in fields})
    insert = sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
    changed = {name: insert.excluded[name] for name in fields}
    return insert.on_conflict_do_update(index_elements=key, set_=changed)


def _utc(time: datetime | None) -> datetime | None:
    """Returns a local time as Optuna 5 stores it: in UTC, without a time zone."""
    return None if time is None else time.astimezone(UTC).replace(tzinfo=None)


Cells = dict[int, dict[Any, Any]]


def count_trials(engine: sa.Engine, study_id: int, states: Sequence[TrialState] = ()) -> int:
    """Returns how many trials a study has, in some states or in all, without reading them."""
    table = TABLES["trials"]
    mine = [table.c.study_id == study_id, *([table.c.state.in_(states)] if states else [])]
    with engine.connect() as connection:
        return connection.execute(sa.select(sa.func.count()).where(*mine)).scalar_one()


def read_trials(engine: sa.Engine, study_id: int) -> list[FrozenTrial]:
    """Returns every trial of a study, by number, as Optuna's own storage returns it.

    Args:
        engine: the database.
        study_id: the study's id there.

    Raises:
        ValueError, LookupError: a row holds something that Optuna does not write.
        SQLAlchemyError: the database cannot be read.
    """
    with engine.connect() as connection:
        # The trials first, so that the values of complete ones are there.
        table = TABLES["trials"]
        mine = table.c.study_id == study_id
        trials = connection.execute(table.select().where(mine).order_by(table.c.number)).all()
        parts = _Parts(connection, study_id)
    return [parts.trial(row) for row in trials]


class _Parts:
    """The content of the other tables for a study's trials, by the trials' ids."""

    def __init__(self, connection: sa.Connection, study_id: int) -> None:
        self._params: Cells = defaultdict(dict)
        self._distributions: Cells = defaultdict(dict)
        self._values: Cells = defaultdict(dict)
        self._curves: Cells = defaultdict(dict)
        self._user: Cells = defaultdict(dict)
        self._system: Cells = defaultdict(dict)
        distribution = cache(json_to_distribution)
        for trial, name, stored, text in _rows(connection, study_id, "trial_params"):
            known: BaseDistribution = distribution(text)
            self._params[trial][name] = known.to_external_repr(stored)
            self._distributions[trial][name] = known
        for trial, objective, stored, kind in _rows(connection, study_id, "trial_values"):
            self._values[trial][objective] = decode_value(stored, kind)
        values_by_step = _rows(connection, study_id, "trial_intermediate_values")
        for trial, step, stored, kind in values_by_step:
            self._curves[trial][step] = decode_intermediate(stored, kind)
        for trial, key, text in _rows(connection, study_id, "trial_user_attributes"):
            self._user[trial][key] = json.loads(text)
        for trial, key, text in _rows(connection, study_id, "trial_system_attributes"):
            self._system[trial][key] = json.loads(text)

    def trial(self, row: Any) -> FrozenTrial:
        """Returns a whole trial from its row in the table of trials."""
        this = row.trial_id
        values = self._values.get(this)
        return FrozenTrial(
            number=row.number,
            state=row.state,
            value=None,
            values=[values[objective] for objective in sorted(values)] if values else None,
            datetime_start=_local(row.datetime_start),
            datetime_complete=_local(row.datetime_complete),
            params=self._params.get(this, {}),
            distributions=self._distributions.get(this, {}),
            user_attrs=self._user.get(this, {}),
            system_attrs=self._system.get(this, {}),
            intermediate_values=self._curves.get(this, {}),
            trial_id=this,
        )


def _rows(connection: sa.Connection, study_id: int, name: str) -> Iterator[Any]:
    """Yields a table's rows of a study's trials, in the order written, without the rows' ids.

    The first cell is the trial's id; the others are the table's columns in order.
    """
    table, trials = TABLES[name], TABLES["trials"]
    own_id, *cells = table.columns
    of_study = table.join(trials, table.c.trial_id == trials.c.trial_id)
    mine = trials.c.study_id == study_id
    yield from connection.execute(
        sa.select(*cells).select_from(of_study).where(mine).order_by(own_id)
    )


def _local(time: datetime | None) -> datetime | None:
    """Converts a time in the database, in UTC, to Optuna's form: local and naive."""
    return None if time is None else time.replace(tzinfo=UTC).astimezone().replace(tzinfo=None)
