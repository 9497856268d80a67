"""A first study file for a project: usual ranges and its metric, both tried beforehand."""

from __future__ import annotations

import copy
import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hpsearch.classes.binding import ITSELF
from hpsearch.classes.components import importing_from, resolve
from hpsearch.engines.slots import Slot
from hpsearch.measure.draft.data_attributes import offered
from hpsearch.measure.draft.habits import changes_measure, objective_among
from hpsearch.measure.draft.searchable import Searchable, put, searchable
from hpsearch.measure.draft.sections import Origin, sections_of
from hpsearch.measure.draft.tries import Tries
from hpsearch.protocol.types import Direction
from hpsearch.studyfile.document import KeyPath

TRIALS = 20
_UNKNOWN: Mapping[str, Direction] = {"metric": "minimize"}


@dataclass(frozen=True)
class Draft:
    """A future study file, and the comments in it.

    Attributes:
        tree: the file as data.
        comments: the comment beside a value, by its path.
        idle: the arguments that stay at their defaults, by section.
        guess: what to change if the objective's direction is wrong; empty if its name says it.
        searches: whether anything is searched.
        unvalidated: why nothing is validated; empty if something is.
    """

    tree: dict[str, Any]
    comments: Mapping[KeyPath, str]
    idle: Mapping[str, Mapping[str, Any]]
    guess: str = ""
    searches: bool = True
    unvalidated: str = ""

    @property
    def objective(self) -> str:
        """The metric that is searched for."""
        return next(iter(self.tree.get("study", {}).get("objective", {})), "")


def draft_study(origin: Origin, slot: Slot, named: Callable[[str], object]) -> Draft:
    """Returns a study file that trains: both ends of each of its ranges were tried on real batches.

    Args:
        origin: the classes, and what is known about their arguments.
        slot: where to try them.
        named: receives the study's name before anything is tried.

    Raises:
        InputError: a class is not found, an argument has no value, or nothing can be trained.
    """
    with importing_from(origin.import_paths):
        tree = sections_of(origin)
        name = _name_of(tree["model"]["class_path"])
        names = [change.partition("=")[0] for change in origin.changes]
        fixed = [name.replace(".init_args.", ".") for name in names]
        arguments, idle = searchable(tree, fixed)
        in_data = offered(tree, idle)
    required = [argument for argument in arguments if argument.required]
    optional = [argument for argument in arguments if not argument.required]
    named(name)
    study = {"name": name, "objective": dict(_UNKNOWN), "trials": TRIALS, "seed": 1}
    tree = {"study": study, **_with(tree, required)}
    trials = Tries(origin.import_paths, slot, [argument.path for argument in required], in_data)
    metrics, unvalidated = trials.metrics(tree)
    objective, direction = objective_among(metrics)
    tree["study"]["objective"] = {objective: direction or "minimize"}
    guess = "" if direction else f"if more is better, write {{{objective}: maximize}}"
    fair = [each for each in optional if not _is_unfair(each, objective)]
    kept = _those_that_train(tree, fair, trials)
    for argument in optional:
        put(tree, argument.path, argument.text if argument in kept else argument.default)
    others = [name for name in metrics if name != objective]
    logged = f"logged too: {', '.join(others)}" if others else ""
    of_data = tree["model"].get("from_data") or {}
    comments: dict[KeyPath, str] = {
        ("study", "objective"): "; ".join(filter(None, (guess, logged))),
        **{("model", "from_data", name): _derived(source) for name, source in of_data.items()},
        **{each.path: _comment(each, kept, objective) for each in arguments},
    }
    return Draft(tree, comments, idle, guess, bool(kept or required), unvalidated)


def _derived(source: str) -> str:
    return "the data module itself" if source == ITSELF else "an attribute of the data module"


def _comment(argument: Searchable, kept: Sequence[Searchable], objective: str) -> str:
    if argument.required:
        return "it has no default"
    if argument in kept:
        return f"now {'null' if argument.default is None else argument.default}"
    if _is_unfair(argument, objective):
        return f"another value may change {objective}, not the model alone"
    return f"not every value of {argument.text} can be trained and compared"


def _is_unfair(argument: Searchable, objective: str) -> bool:
    section, *_, name = argument.path
    return section == "model" and changes_measure(str(name), objective)


def _those_that_train(
    tree: Mapping[str, Any], arguments: Sequence[Searchable], trials: Tries
) -> list[Searchable]:
    """Returns the arguments whose ends train together: all of them, or those that do one by one.

    Raises:
        InputError: not even their defaults train.
    """
    if trials.train(_with(tree, arguments)):
        return [*arguments]
    trials.require(tree)
    kept: list[Searchable] = []
    for argument in arguments:
        if trials.train(_with(tree, [*kept, argument])):
            kept.append(argument)
    return kept


def _with(tree: Mapping[str, Any], arguments: Iterable[Searchable]) -> dict[str, Any]:
    changed = copy.deepcopy(dict(tree))
    for argument in arguments:
        put(changed, argument.path, argument.text)
    return changed


def _name_of(class_path: str) -> str:
    """Returns `spiral-net` for `spirals.SpiralNet`, and for `spirals.SpiralNet.from_points`."""
    *owners, name = class_path.split(".")
    name = owners[-1] if inspect.ismethod(resolve(class_path)) else name
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z]{2})(?=[A-Z][a-z])", "-", name).lower()
