"""A first study file for a project: ranges by habit, its metric, and both tried beforehand."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hpsearch.classes.components import importing_from
from hpsearch.engines.slots import Slot
from hpsearch.measure.draft.habits import objective_among
from hpsearch.measure.draft.marks import Mark, put, searchable
from hpsearch.measure.draft.sections import Origin, sections_of
from hpsearch.measure.draft.tries import Tries
from hpsearch.protocol.types import Direction
from hpsearch.studyfile.document import KeyPath

TRIALS = 20
_UNKNOWN: Mapping[str, Direction] = {"metric": "minimize"}


@dataclass(frozen=True)
class Draft:
    """A study file to be, and what to say in it.

    Attributes:
        tree: the file as data.
        comments: what to say beside a value, by its path.
        idle: the arguments that stay at their defaults, by section.
    """

    tree: dict[str, Any]
    comments: Mapping[KeyPath, str]
    idle: Mapping[str, Mapping[str, Any]]


def draft_study(origin: Origin, slot: Slot) -> Draft:
    """Returns a study file that trains: each end of each of its ranges was tried on real batches.

    Args:
        origin: the classes, and what is known of their arguments.
        slot: where they are tried.

    Raises:
        InputError: a class is not found, an argument has no value, or nothing can be trained.
    """
    with importing_from(origin.import_paths):
        tree = sections_of(origin)
        marks, idle = searchable(tree)
    for mark in marks:
        if mark.required:
            put(tree, mark.path, mark.text)
    study = {"name": _name_of(tree["model"]["class_path"]), "objective": dict(_UNKNOWN)}
    tree = {"study": {**study, "trials": TRIALS, "seed": 1}, **tree}
    trials = Tries(origin.import_paths, slot)
    metrics = trials.metrics(tree)
    objective, direction = objective_among(metrics)
    tree["study"]["objective"] = {objective: direction}
    kept = _those_that_train(tree, [mark for mark in marks if not mark.required], trials)
    comments: dict[KeyPath, str] = {}
    if others := [name for name in metrics if name != objective]:
        comments["study", "objective"] = f"logged too: {', '.join(others)}"
    for mark in marks:
        if mark in kept or mark.required:
            put(tree, mark.path, mark.text)
            comments[mark.path] = "it has no default" if mark.required else f"now {mark.default}"
        else:
            comments[mark.path] = f"not every value of {mark.text} can be trained"
            put(tree, mark.path, mark.default)
    return Draft(tree, comments, idle)


def _those_that_train(tree: Mapping[str, Any], marks: Sequence[Mark], trials: Tries) -> list[Mark]:
    """Returns the marks whose ends train together: all of them, or one after the other."""
    if trials.train(_with(tree, marks)):
        return [*marks]
    kept: list[Mark] = []
    for mark in marks:
        if trials.train(_with(tree, [*kept, mark])):
            kept.append(mark)
    return kept


def _with(tree: Mapping[str, Any], marks: Iterable[Mark]) -> dict[str, Any]:
    marked = copy.deepcopy(dict(tree))
    for mark in marks:
        put(marked, mark.path, mark.text)
    return marked


def _name_of(class_path: str) -> str:
    """Returns `spiral-net` for `spirals.SpiralNet`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", class_path.rpartition(".")[2]).lower()
