"""The best settings of another study, as the first trials of a new one."""

from __future__ import annotations

from collections.abc import Mapping

from optuna.storages import RDBStorage

from hpsearch.errors import InputError
from hpsearch.protocol.types import Scalar
from hpsearch.search.store import QueuedTrial, StudyRecord, TrialRecord, best_first, open_study
from hpsearch.search.store.keys import ORIGIN
from hpsearch.studyfile.diagnostics import InvalidValueError
from hpsearch.studyfile.known_settings import Setting, read_setting
from hpsearch.studyfile.space import Space
from hpsearch.studyfile.study import StudySpec

BEST = 3


def settings_to_start_from(spec: StudySpec, database: RDBStorage) -> list[QueuedTrial]:
    """Returns the settings of the three best trials of `study.start_from`, best first.

    A setting keeps the values that are also in this space; the sampler proposes the others.
    Settings that become equal are tried once.

    Raises:
        InputError: the database does not have the other study, none of its trials is complete, or
            none of their values is in this space.
    """
    if spec.start_from is None:
        return []
    other = open_study(database, spec.start_from).record()
    best = _best(other)
    if not best:
        raise InputError(f"study.start_from: no trial of {other.name} is complete yet")
    queue: list[QueuedTrial] = []
    for trial in best:
        setting = _agreeing(spec.space, trial.params)
        if setting and setting not in [queued.params for queued in queue]:
            queue.append(QueuedTrial(setting, {ORIGIN: f"trial {trial.number} of {other.name}"}))
    if not queue:
        raise InputError(
            f"study.start_from: {other.name} and {spec.name} share no parameter with a value that"
            f" both have; {other.name} searched {', '.join(sorted(best[0].params))}"
        )
    return queue[:BEST]


def _best(study: StudyRecord) -> list[TrialRecord]:
    """Returns the complete trials, the chosen one of a confirmation first, then by value."""
    complete = best_first(study.trials, study.objectives)
    return sorted(complete, key=lambda trial: trial != study.best)


def _agreeing(space: Space, params: Mapping[str, Scalar]) -> Setting:
    """Returns the values that are also in a space."""
    parameters = space.parameters
    shared = {
        name: value
        for name, value in params.items()
        if name in parameters and parameters[name].contains(value)
    }
    try:
        return read_setting(space, shared) if shared else {}
    except InvalidValueError:
        # Values of a branch whose own choice is not in this space.
        return {}
