"""The trials of a study as its database holds them, read in one query a table.

Optuna makes an object of every cell there, and with 10,000 trials takes many seconds over it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any, cast

import sqlalchemy as sa
from optuna.distributions import BaseDistribution, json_to_distribution
from optuna.storages._rdb import models
from optuna.trial import FrozenTrial

Cells = dict[int, dict[Any, Any]]


def read_trials(engine: sa.Engine, study_id: int) -> list[FrozenTrial]:
    """Returns every trial of a study, by number, as Optuna's own storage returns it.

    Args:
        engine: the database.
        study_id: the study's id there.

    Raises:
        ValueError, LookupError: a row there holds what Optuna does not write.
        SQLAlchemyError: the database cannot be read.
    """
    with engine.connect() as connection:
        # The trials first: whatever is complete then has its values.
        table = _table(models.TrialModel)
        mine = table.c.study_id == study_id
        trials = connection.execute(table.select().where(mine).order_by(table.c.number)).all()
        parts = _Parts(connection, study_id)
    return [parts.trial(row) for row in trials]


class _Parts:
    """What the other tables hold of a study's trials, by the trials' ids."""

    def __init__(self, connection: sa.Connection, study_id: int) -> None:
        self._params: Cells = defaultdict(dict)
        self._distributions: Cells = defaultdict(dict)
        self._values: Cells = defaultdict(dict)
        self._curves: Cells = defaultdict(dict)
        self._user: Cells = defaultdict(dict)
        self._system: Cells = defaultdict(dict)
        model: Any = models.TrialParamModel
        distribution = cache(json_to_distribution)
        for trial, name, stored, text in _rows(connection, study_id, model):
            known: BaseDistribution = distribution(text)
            self._params[trial][name] = known.to_external_repr(stored)
            self._distributions[trial][name] = known
        model = models.TrialValueModel
        for trial, objective, stored, kind in _rows(connection, study_id, model):
            self._values[trial][objective] = model.stored_repr_to_value(stored, kind)
        model = models.TrialIntermediateValueModel
        for trial, step, stored, kind in _rows(connection, study_id, model):
            self._curves[trial][step] = model.stored_repr_to_intermediate_value(stored, kind)
        for trial, key, text in _rows(connection, study_id, models.TrialUserAttributeModel):
            self._user[trial][key] = json.loads(text)
        for trial, key, text in _rows(connection, study_id, models.TrialSystemAttributeModel):
            self._system[trial][key] = json.loads(text)

    def trial(self, row: Any) -> FrozenTrial:
        """Returns one trial of the table of trials, whole."""
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


def _rows(connection: sa.Connection, study_id: int, model: Any) -> Iterator[Any]:
    """Yields a table's rows of a study's trials in the order they were written, without their ids.

    The first cell is the trial's id, the others are those of the table in its order.
    """
    table, trials = _table(model), _table(models.TrialModel)
    own_id, *cells = table.columns
    of_study = table.join(trials, table.c.trial_id == trials.c.trial_id)
    mine = trials.c.study_id == study_id
    yield from connection.execute(
        sa.select(*cells).select_from(of_study).where(mine).order_by(own_id)
    )


def _table(model: Any) -> sa.Table:
    return cast(sa.Table, model.__table__)


def _local(time: datetime | None) -> datetime | None:
    """Returns a time of the database, which is in UTC, as Optuna tells it: local, not saying so."""
    return None if time is None else time.replace(tzinfo=UTC).astimezone().replace(tzinfo=None)
