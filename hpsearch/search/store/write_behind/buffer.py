"""A study in its owner's memory, its changes queued for the database, the database guarded."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import cast

import optuna
from optuna.trial import FrozenTrial

from hpsearch.internals.optuna import database_of, storage_of, study_id_of
from hpsearch.search.store.tables import read_trials
from hpsearch.search.store.write_behind.guard import DatabaseGuard
from hpsearch.search.store.write_behind.queue import WriteBehindQueue
from hpsearch.search.store.write_behind.storage import WriteBehindStorage


def buffer_writes(
    study: optuna.Study,
    writes: WriteBehindQueue,
    trials: Sequence[FrozenTrial] | None = None,
    contradicted: Collection[int] = (),
) -> optuna.Study:
    """Returns the study in memory; its changes are written to the database in the background.

    Args:
        study: the study in the database, which this process must own.
        writes: takes the changes of this study to its database.
        trials: those of the study, where they are known already; None reads them.
        contradicted: the trials whose own record contradicts their values: in memory they have
            none, so that nothing is learned from them.

    Raises:
        InputError: trials are missing or duplicated in the database.
    """
    if trials is None:
        trials = read_trials(writes.engine, study_id_of(study))
    storage = WriteBehindStorage(study, writes, trials, contradicted)
    database = database_of(study)
    if database is not None:
        writes.guard = DatabaseGuard(database, storage, writes.lease)
    return optuna.load_study(
        study_name=study.study_name, storage=storage, sampler=study.sampler, pruner=study.pruner
    )


def trials_of(buffered: optuna.Study) -> list[FrozenTrial]:
    """Returns the trials of a study that `buffer_writes` returned, as its database has them."""
    return cast(WriteBehindStorage, storage_of(buffered)).trials()
