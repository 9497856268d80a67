"""A trial whose folder holds another trial's files: which of the two to believe."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial

from hpsearch.internals.optuna import is_in_range
from hpsearch.protocol.events import read_record
from hpsearch.protocol.types import Direction, Scalar, primary
from hpsearch.search.fsck.problem import Problem, Repair
from hpsearch.search.fsck.rows import curve_of
from hpsearch.search.store import EVENTS, ORPHANS, Mutation, parameter, read_params


def check_owner(
    trial: FrozenTrial, folder: Path, whose: str, objectives: Mapping[str, Direction]
) -> list[Problem]:
    """Returns the problem that a trial's folder is another trial's, with its repair.

    If the database has exactly the values of the record, its parameters are wrong: they were
    changed, or a restored database took another trial's reports for its own. The repair then writes
    the parameters that were trained. Otherwise it moves the folder aside.
    """
    where = f"trial {trial.number}"
    trained = read_params(folder)
    if whose == "other parameters" and trained and _has_values_of(trial, folder, objectives):
        text = "its values were trained with parameters that differ from those in the database"
        changes = _write_parameters(trial, trained)
        repair = Repair("write the parameters that were trained", changes) if changes else None
        return [Problem("parameters", where, text, repair)]
    newer = "" if curve_of(trial) else "; the folder is newer"
    target = folder.parent / ORPHANS / f"{folder.name}.{whose.replace(' ', '-')}"
    repair = Repair(f"move it to {ORPHANS}/{target.name}", moves=((folder, target),))
    return [Problem("owner", folder.name, f"its files belong to {whose}{newer}", repair)]


def _has_values_of(trial: FrozenTrial, folder: Path, objectives: Mapping[str, Direction]) -> bool:
    """Returns whether all values that the database has of a trial are in the folder's record."""
    objective, _ = primary(objectives)
    said: dict[int, set[Any]] = {}
    for report in read_record(folder / EVENTS).reports:
        said.setdefault(report.step, set()).add(report.values.get(objective))
    stored = curve_of(trial)
    return bool(stored) and all(value in said.get(step, ()) for step, value in stored.items())


def _write_parameters(trial: FrozenTrial, trained: Mapping[str, Scalar]) -> tuple[Mutation, ...]:
    """Returns the changes that set a trial's parameters; none if one is outside its range."""
    if set(trained) != set(trial.params):
        return ()
    changes: list[Mutation] = []
    for name, value in trained.items():
        distribution: BaseDistribution = trial.distributions[name]
        try:
            stored = distribution.to_internal_repr(value)
        except (ValueError, TypeError):
            return ()
        if not is_in_range(distribution, stored):
            return ()
        changes += (parameter(trial.number, name, stored, distribution),)
    return tuple(changes)
