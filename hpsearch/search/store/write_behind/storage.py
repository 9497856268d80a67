"""A study in its owner's memory, with every change passed on to the database.

Only one process owns a study, so its memory is up to date: nothing needs to be read again, and
neither a sampler nor a pruner ever waits for the database.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial, TrialState

from hpsearch.errors import InputError
from hpsearch.internals.optuna import (
    add_unchanged,
    storage_of,
    study_id_of,
    trial_id_of,
)
from hpsearch.search.store import tables
from hpsearch.search.store.keys import SECONDS
from hpsearch.search.store.records import in_bulk, without_values
from hpsearch.search.store.write_behind.queue import WriteBehindQueue


class WriteBehindStorage(InMemoryStorage):
    """Optuna's storage in memory for one study, which passes on every change.

    A trial's id here is its number.
    """

    @in_bulk()
    def __init__(
        self,
        study: optuna.Study,
        writes: WriteBehindQueue,
        trials: Sequence[FrozenTrial],
        contradicted: Collection[int],
    ) -> None:
        super().__init__()
        # What is read from the database is not a change.
        self._writes: WriteBehindQueue | None = None
        self._stored_id = self.stored_id = study_id_of(study)
        self.name, self.directions = study.study_name, study.directions
        here = self._here = self.create_new_study(study.directions, study.study_name)
        for key, value in study.user_attrs.items():
            self.set_study_user_attr(here, key, value)
        for key, value in storage_of(study).get_study_system_attrs(self.stored_id).items():
            self.set_study_system_attr(here, key, value)
        if [trial.number for trial in trials] != list(range(len(trials))):
            name = study.study_name
            raise InputError(
                f"the numbers of the trials of {name} are not 0 to {len(trials) - 1}, each once:"
                f" the database is damaged; see `hpsearch fsck {name}`"
            )
        writes.ids.update({trial.number: trial_id_of(trial) for trial in trials})
        self._contradicted: dict[int, FrozenTrial] = {}
        for trial in trials:
            seen = without_results(trial) if trial.number in contradicted else trial
            if seen is not trial and trial.state.is_finished():
                self._contradicted[trial.number] = trial
            add_unchanged(self, here, seen)
        self._writes = writes

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        """Sets an attribute of the study."""
        super().set_study_user_attr(study_id, key, value)
        self._pass_on(tables.study_attribute(self._stored_id, key, value, system=False))

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        """Sets one of Optuna's own attributes of the study."""
        super().set_study_system_attr(study_id, key, value)
        self._pass_on(tables.study_attribute(self._stored_id, key, value, system=True))

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        """Adds a trial; its id is its number."""
        number = super().create_new_trial(study_id, template_trial)
        trial = self.get_trial(number)
        self._pass_on(tables.new_trial(self._stored_id, number, trial.state, trial.datetime_start))
        return number

    def set_trial_param(
        self,
        trial_id: int,
        param_name: str,
        param_value_internal: float,
        distribution: BaseDistribution,
    ) -> None:
        """Sets one parameter of a trial."""
        super().set_trial_param(trial_id, param_name, param_value_internal, distribution)
        self._pass_on(tables.parameter(trial_id, param_name, param_value_internal, distribution))

    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        """Moves a trial to a state; returns whether that was possible."""
        done = super().set_trial_state_values(trial_id, state, values)
        if done:
            trial = self.get_trial(trial_id)
            times = trial.datetime_start, trial.datetime_complete
            self._pass_on(tables.trial_state(trial_id, state, values, *times))
        return done

    def set_trial_intermediate_value(
        self, trial_id: int, step: int, intermediate_value: float
    ) -> None:
        """Sets a trial's value after an epoch."""
        super().set_trial_intermediate_value(trial_id, step, intermediate_value)
        self._pass_on(tables.value_after(trial_id, step, intermediate_value))

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Sets an attribute of a trial."""
        super().set_trial_user_attr(trial_id, key, value)
        self._pass_on(tables.trial_attribute(trial_id, key, value, system=False))

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Sets one of Optuna's own attributes of a trial."""
        super().set_trial_system_attr(trial_id, key, value)
        self._pass_on(tables.trial_attribute(trial_id, key, value, system=True))

    def attribute(self, key: str) -> Any:
        """Returns one of the study's attributes; None if it has none of this name."""
        return self.get_study_user_attrs(self._here).get(key)

    def trials(self) -> list[FrozenTrial]:
        """Returns every trial as the database has it, by number, not to be changed."""
        trials = self.get_all_trials(self._here, deepcopy=False)
        return [self._contradicted.get(trial.number, trial) for trial in trials]

    def everything(self) -> list[tables.Mutation]:
        """Returns the changes that write the whole study except its own row and directions."""
        here, study = self._here, self._stored_id
        changes = [
            tables.study_attribute(study, key, value, system=system)
            for system, attributes in (
                (False, self.get_study_user_attrs(here)),
                (True, self.get_study_system_attrs(here)),
            )
            for key, value in attributes.items()
        ]
        for trial in self.trials():
            changes += tables.whole_trial(study, trial)
        return changes

    def _pass_on(self, change: tables.Mutation) -> None:
        if self._writes is not None:
            self._writes.put(change)


def without_results(frozen: FrozenTrial) -> FrozenTrial:
    """Returns a trial whose values are not believed, as Optuna is to see it.

    Samplers and pruners learn nothing from a trial that failed. One that is not over is as if it
    had not reported yet: its own record is replayed when it continues.
    """
    known = without_values(frozen)
    known.user_attrs.pop(SECONDS, None)
    if known.state.is_finished():
        known.state = TrialState.FAIL
    return known
