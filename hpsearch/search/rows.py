"""A study's changes as rows of Optuna's tables: each can be written twice and counts once.

Optuna's own storage commits after every change, one object at a time; here many changes go into
one transaction, which is what lets an owner check its lease and write in a single step.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import sqlalchemy as sa
from optuna.distributions import BaseDistribution, distribution_to_json
from optuna.storages._rdb import models
from optuna.trial import TrialState

# Trials are known by number; the database gives each an id of its own when it is first written.
Ids = MutableMapping[int, int]
Change = Callable[[sa.Connection, Ids], None]


def new_trial(study_id: int, number: int, state: TrialState, started: datetime | None) -> Change:
    """Returns the change that adds a trial, unless an earlier try has added it already."""

    def write(connection: sa.Connection, ids: Ids) -> None:
        table = _table(models.TrialModel)
        this = sa.and_(table.c.study_id == study_id, table.c.number == number)
        known = connection.execute(sa.select(table.c.trial_id).where(this)).scalar()
        if known is None:
            row = {"study_id": study_id, "number": number, "state": state}
            times = {"datetime_start": _utc(started)}
            done = connection.execute(table.insert().values(**row, **times))
            known = cast(Any, done.inserted_primary_key)[0]
        ids[number] = known

    return write


def trial_state(
    number: int,
    state: TrialState,
    values: Sequence[float] | None,
    started: datetime | None,
    completed: datetime | None,
) -> Change:
    """Returns the change that moves a trial to a state, with its values if it has any."""

    def write(connection: sa.Connection, ids: Ids) -> None:
        for objective, value in enumerate(values or ()):
            stored, kind = models.TrialValueModel.value_to_stored_repr(value)
            key = {"trial_id": ids[number], "objective": objective}
            _upsert(connection, models.TrialValueModel, key, {"value": stored, "value_type": kind})
        times = {"datetime_start": _utc(started), "datetime_complete": _utc(completed)}
        fields = {"state": state, **times}
        _upsert(connection, models.TrialModel, {"trial_id": ids[number]}, fields)

    return write


def parameter(
    number: int, name: str, internal_value: float, distribution: BaseDistribution
) -> Change:
    """Returns the change that sets one parameter of a trial."""
    fields = {
        "param_value": internal_value,
        "distribution_json": distribution_to_json(distribution),
    }
    return lambda connection, ids: _upsert(
        connection,
        models.TrialParamModel,
        {"trial_id": ids[number], "param_name": name},
        fields,
    )


def value_after(number: int, step: int, value: float) -> Change:
    """Returns the change that sets a trial's value after an epoch."""
    model = models.TrialIntermediateValueModel
    stored, kind = model.intermediate_value_to_stored_repr(value)
    fields = {"intermediate_value": stored, "intermediate_value_type": kind}
    return lambda connection, ids: _upsert(
        connection, model, {"trial_id": ids[number], "step": step}, fields
    )


def trial_attribute(number: int, key: str, value: Any, *, system: bool) -> Change:
    """Returns the change that sets an attribute of a trial."""
    model = models.TrialSystemAttributeModel if system else models.TrialUserAttributeModel
    fields = {"value_json": json.dumps(value)}
    return lambda connection, ids: _upsert(
        connection, model, {"trial_id": ids[number], "key": key}, fields
    )


def study_attribute(study_id: int, key: str, value: Any, *, system: bool) -> Change:
    """Returns the change that sets an attribute of the study."""
    model = models.StudySystemAttributeModel if system else models.StudyUserAttributeModel
    fields = {"value_json": json.dumps(value)}
    return lambda connection, _: _upsert(
        connection, model, {"study_id": study_id, "key": key}, fields
    )


def _upsert(
    connection: sa.Connection, model: Any, key: Mapping[str, Any], fields: Mapping[str, Any]
) -> None:
    table = _table(model)
    this = sa.and_(*(table.c[name] == value for name, value in key.items()))
    if connection.execute(table.update().where(this).values(**fields)).rowcount == 0:
        connection.execute(table.insert().values(**key, **fields))


def _table(model: Any) -> sa.Table:
    return cast(sa.Table, model.__table__)


def _utc(time: datetime | None) -> datetime | None:
    """Returns a local time as Optuna 5 stores it: in UTC, without saying so."""
    return None if time is None else time.astimezone(UTC).replace(tzinfo=None)
