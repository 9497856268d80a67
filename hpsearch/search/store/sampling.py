"""From the study file to Optuna: distributions, samplers and pruners."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import optuna
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler
from optuna.search_space import IntersectionSearchSpace

from hpsearch.classes.binding import instantiate
from hpsearch.classes.components import resolve
from hpsearch.protocol.seeds import derive_seed
from hpsearch.protocol.types import Scalar
from hpsearch.search.rungs import ETA, EpochBudget, Ladder, Scheduler, rungs_up_to
from hpsearch.studyfile.distributions import Choice, Distribution, IntRange
from hpsearch.studyfile.known_settings import priors_of
from hpsearch.studyfile.study import StudySpec

# These draw one sequence over the whole study: every instance needs the same seed.
# How many reports a trial may make where only its data tell.
MANY = 100
GRIDS = ("GridSampler", "BruteForceSampler")
SEQUENCES = ("QMCSampler", *GRIDS)


def suggester(trial: optuna.Trial) -> Callable[[str, Distribution], Scalar]:
    """Returns the function that asks a trial for one parameter of the space."""

    def suggest(name: str, distribution: Distribution) -> Scalar:
        if isinstance(distribution, Choice):
            choice: Scalar = trial.suggest_categorical(name, list(distribution.options))
            return choice
        low, high, log = distribution.low, distribution.high, distribution.log
        if isinstance(distribution, IntRange):
            return trial.suggest_int(name, int(low), int(high), step=distribution.step, log=log)
        return trial.suggest_float(name, low, high, step=distribution.step, log=log)

    return suggest


def build_sampler(spec: StudySpec, number: int) -> BaseSampler:
    """Returns the sampler for one trial, seeded from the study's seed and the trial's number.

    A sampler of its own for each trial makes what is proposed depend on the seed, the number and
    the results so far, so that a study that was killed and resumed goes on as if it had not been.
    """
    component = spec.sampler
    seed = derive_seed(spec.seed, "sampler")
    if component.class_path.rpartition(".")[2] not in SEQUENCES:
        seed = derive_seed(spec.seed, "sampler", number)
    takes = inspect.signature(resolve(component.class_path)).parameters
    extra: dict[str, Any] = {"seed": seed} if "seed" in takes else {}
    if "search_space" in takes:
        extra["search_space"] = _grid(spec)
    if "max_resource" in takes:
        extra["max_resource"] = spec.max_reports() or MANY
    if spec.promote and "reduction_factor" in takes:
        extra["reduction_factor"] = spec.promote.eta
    if "priors" in takes:
        extra["priors"] = priors_of(spec.space)
    quiet = {
        name: False
        for name, argument in takes.items()
        if name.startswith("warn_") and argument.default is True
    }
    sampler: BaseSampler = instantiate(component.to_tree(), **extra, **quiet)
    return sampler


def hand_over(before: BaseSampler, after: BaseSampler) -> None:
    """Gives a trial's sampler what the sampler of the trial before has found out of all trials.

    That is the space that the trials have in common: a sampler finds the same by itself, but looks
    through all of them for it, at each trial again. It does so under Hyperband as well: since
    Optuna 5.0 samplers that learn see the trials of every bracket.
    """
    if type(before) is not type(after):
        return
    for name, found in vars(before).items():
        if isinstance(found, IntersectionSearchSpace):
            setattr(after, name, found)


def grid_size(spec: StudySpec) -> int | None:
    """Returns how many trials a grid search has; None for samplers that can go on for ever."""
    if spec.sampler.class_path.rpartition(".")[2] not in GRIDS:
        return None
    return int(spec.space.size())


def build_pruner(spec: StudySpec) -> BasePruner:
    """Returns the study's pruner; Hyperband is told how many reports a trial may make."""
    component = spec.pruner
    takes = inspect.signature(resolve(component.class_path)).parameters
    most = spec.max_reports()
    extra = {"max_resource": most} if "max_resource" in takes and most is not None else {}
    pruner: BasePruner = instantiate(component.to_tree(), **extra)
    return pruner


def build_scheduler(spec: StudySpec) -> Scheduler:
    """Returns what decides where trials pause and how many epochs are left; empty of trials."""
    longest = spec.max_reports() or MANY
    rungs = rungs_up_to(longest, spec.promote.eta, spec.promote.first) if spec.promote else ()
    ladder = Ladder(rungs, spec.promote.eta if spec.promote else ETA)
    direction = next(iter(spec.objectives.values()))
    return Scheduler(ladder, EpochBudget(spec.epochs), longest, direction)


def _grid(spec: StudySpec) -> dict[str, list[Scalar]]:
    return {name: _points(parameter) for name, parameter in spec.space.parameters.items()}


def _points(distribution: Distribution) -> list[Scalar]:
    if isinstance(distribution, Choice):
        return list(distribution.options)
    if isinstance(distribution, IntRange):
        return list(range(distribution.low, distribution.high + 1, distribution.step))
    steps = int(distribution.size()) - 1
    return [distribution.low + i * (distribution.step or 0.0) for i in range(steps + 1)]
