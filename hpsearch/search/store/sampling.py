"""From the study file to Optuna: distributions, samplers, pruners, and trials that pause."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import optuna
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler
from optuna.search_space import IntersectionSearchSpace
from optuna.trial import FrozenTrial, TrialState

from hpsearch.classes.binding import instantiate
from hpsearch.classes.components import resolve
from hpsearch.protocol.seeds import derive_seed
from hpsearch.protocol.types import FINALISTS, Scalar
from hpsearch.search.pruners import KeptPruner
from hpsearch.search.pruners import keeping as keeping_pruner
from hpsearch.search.rungs import (
    ETA,
    EpochBudget,
    Ladder,
    Promotion,
    RungHistory,
    Scheduler,
    curve_of,
    rungs_up_to,
)
from hpsearch.search.samplers import TrialHistory, keeping
from hpsearch.search.store.keys import CURVE, PROMOTED, SECONDS
from hpsearch.studyfile.distributions import Choice, Distribution, IntRange
from hpsearch.studyfile.known_settings import priors_of
from hpsearch.studyfile.study import StudySpec

# The reports assumed for a trial whose number of reports depends on its data.
MANY = 100
# These draw one sequence for the whole study, so every instance needs the same seed.
GRIDS = ("GridSampler", "BruteForceSampler")
SEQUENCES = ("QMCSampler", *GRIDS)


def suggester(trial: optuna.Trial) -> Callable[[str, Distribution], Scalar]:
    """Returns a function that asks a trial for one parameter of the space."""

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

    With a separate sampler for each trial, proposals depend only on the seed, the number and the
    results so far, so that a study that was killed continues as if it had not been.
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
    if spec.promote and {"min_resource", "reduction_factor"} <= takes.keys():
        extra |= {"min_resource": spec.promote.first, "reduction_factor": spec.promote.eta}
    if "priors" in takes:
        extra["priors"] = priors_of(spec.space)
    options = {
        name: False
        for name, argument in takes.items()
        if name.startswith("warn_") and argument.default is True
    }
    sampler: BaseSampler = instantiate(component.to_tree(), **extra, **options)
    return keeping(sampler, {**options, **extra, **component.init_args})


def hand_over(before: BaseSampler, after: BaseSampler) -> None:
    """Passes the state of one trial's sampler to the next: their common space, and their history.

    A new sampler would find the same, but by reading all trials again. This holds under Hyperband
    as well: since Optuna 5.0, samplers that learn see the trials of every bracket.
    """
    if type(before) is not type(after):
        return
    for name, found in vars(before).items():
        if isinstance(found, IntersectionSearchSpace | TrialHistory | RungHistory):
            setattr(after, name, found)


def grid_size(spec: StudySpec) -> int | None:
    """Returns how many trials a grid search has; None for other samplers."""
    if spec.sampler.class_path.rpartition(".")[2] not in GRIDS:
        return None
    return int(spec.space.size())


def build_pruner(spec: StudySpec) -> BasePruner:
    """Returns the study's pruner; Hyperband gets the number of reports that a trial may make."""
    pruner: BasePruner = instantiate(spec.pruner.to_tree(), **_reports(spec))
    return pruner


def keep_pruner(study: optuna.Study, spec: StudySpec) -> None:
    """Gives a study its pruner, in the form that keeps a state if there is one."""
    given = {**_reports(spec), **spec.pruner.init_args}
    study.pruner = keeping_pruner(build_pruner(spec), given)
    if isinstance(study.pruner, KeptPruner):
        study.pruner.know(study, study.get_trials(deepcopy=False))


def _reports(spec: StudySpec) -> dict[str, int]:
    takes, most = inspect.signature(resolve(spec.pruner.class_path)).parameters, spec.max_reports()
    return {"max_resource": most} if "max_resource" in takes and most is not None else {}


def build_scheduler(spec: StudySpec) -> Scheduler:
    """Returns a scheduler without trials: it decides on pauses and counts the epochs left."""
    known = spec.max_reports()
    longest = known or MANY
    rungs = rungs_up_to(longest, spec.promote.eta, spec.promote.first) if spec.promote else ()
    ladder = Ladder(rungs, spec.promote.eta if spec.promote else ETA)
    epochs = EpochBudget(spec.epochs)
    finalists = FINALISTS if known else 0
    return Scheduler(ladder, epochs, longest, spec.objectives.values(), finalists)


def _grid(spec: StudySpec) -> dict[str, list[Scalar]]:
    return {name: _points(parameter) for name, parameter in spec.space.parameters.items()}


def _points(distribution: Distribution) -> list[Scalar]:
    if isinstance(distribution, Choice):
        return list(distribution.options)
    if isinstance(distribution, IntRange):
        return list(range(distribution.low, distribution.high + 1, distribution.step))
    steps = int(distribution.size()) - 1
    return [distribution.low + i * (distribution.step or 0.0) for i in range(steps + 1)]


class Pauses:
    """The paused trials, and the scheduler that decides on them.

    Args:
        spec: what is searched.
        trials: every trial of the study.
    """

    def __init__(self, spec: StudySpec, trials: Iterable[FrozenTrial]) -> None:
        self.scheduler = build_scheduler(spec)
        self._objectives = len(spec.objectives)
        rests = {trial.number: self._restore(trial) for trial in trials}
        self._rungs = {number: rung for number, rung in rests.items() if rung}

    def __contains__(self, number: int) -> bool:
        return number in self._rungs

    @property
    def numbers(self) -> list[int]:
        """The paused trials, by number."""
        return sorted(self._rungs)

    def add(self, number: int, rung: int) -> None:
        """Records that a trial pauses at a rung."""
        self._rungs[number] = rung
        self.scheduler.stop(number)

    def next(self, *, closing: bool = False) -> Promotion | None:
        """Returns the paused trial that continues next; None if none may.

        Args:
            closing: no more trials will begin, so every rung promotes at least one.
        """
        return self.scheduler.promotion(self._rungs, closing=closing)

    def promote(self, *, closing: bool = False) -> Promotion | None:
        """Returns the same as `next`; the trial is then no longer paused."""
        found = self.next(closing=closing)
        if found is not None:
            self.scheduler.ladder.promote(found.number)
            del self._rungs[found.number]
        return found

    def take(self, number: int) -> int:
        """Records that a paused trial continues regardless of its place; returns its rung."""
        self.scheduler.ladder.promote(number)
        return self._rungs.pop(number)

    def drop(self, number: int) -> int:
        """Records that a paused trial has ended; returns the rung where it was paused."""
        self.scheduler.lose(number)
        return self._rungs.pop(number)

    def out_of_reach(self, trials: int | None) -> list[int]:
        """Returns the paused trials that no later result can promote.

        Args:
            trials: how many more trials the study may begin; None for no limit.
        """
        most = min(math.inf if trials is None else trials, self.scheduler.epochs.left)
        if math.isinf(most):
            return []
        return [n for n in self.scheduler.ladder.out_of_reach(int(most)) if n in self._rungs]

    def worst(self) -> int | None:
        """Returns the paused trial that is least likely to be promoted; None if none is paused."""
        found = [p.number for p in self.scheduler.ladder.waiting() if p.number in self._rungs]
        return found[-1] if found else None

    def _restore(self, trial: FrozenTrial) -> int:
        """Adds a trial of an earlier run; returns the rung where it is paused, 0 for none."""
        curve = curve_of(trial) or self._first_objective(trial)
        promoted = trial.user_attrs.get(PROMOTED, ())
        complete = trial.state == TrialState.COMPLETE
        seconds = trial.user_attrs.get(SECONDS, 0.0)
        rung = self.scheduler.restore(
            trial.number, curve, promoted, whole=complete, seconds=seconds
        )
        if not trial.state.is_finished():
            return rung
        if not complete:
            self.scheduler.lose(trial.number)
        return 0

    def _first_objective(self, trial: FrozenTrial) -> dict[int, Sequence[float]]:
        """Returns the curve of a trial if only the first of several objectives is known.

        That is enough to count epochs but not to rank at rungs: with rungs, an unfinished trial
        starts over and replays its own record.
        """
        if self.scheduler.ladder.rungs:
            return {}
        others = [0.0] * (self._objectives - 1)
        written = trial.user_attrs.get(CURVE, {})
        return {int(epoch): (value, *others) for epoch, value in written.items()}
