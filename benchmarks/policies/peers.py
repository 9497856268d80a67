"""The peers' policies: Optuna through ask and tell, and schedulers of Ray Tune and Syne Tune."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec

import optuna
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner
from optuna.pruners import SuccessiveHalvingPruner as Halving
from optuna.samplers import BaseSampler, GPSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.trial import Trial, TrialState

from policies.clock import Answer, Policy, Run
from policies.schedulers import RayAsha, SyneTune
from policies.tasks import Task, distribution, size_of


class OptunaAskTell:
    """Optuna's own sampler and pruner, as a loop of ask, report, should_prune and tell."""

    def __init__(self, task: Task, sampler: BaseSampler, pruner: BasePruner) -> None:
        self._task = task
        self._study = optuna.create_study(sampler=sampler, pruner=pruner)
        self._space = {name: distribution(of) for name, of in task.space.items()}
        self._trials: dict[int, Trial] = {}

    def enqueue(self, setting: dict[str, float]) -> None:
        """Enqueues a known setting as the first trial."""
        self._study.enqueue_trial(setting)

    def next(self) -> Run:
        """Asks for a trial."""
        trial = self._study.ask(self._space)
        self._trials[trial.number] = trial
        return Run(trial.number, self._task.curve(trial.params))

    def report(self, run: Run, loss: float) -> Answer:
        """Reports, and prunes if the pruner says so."""
        trial = self._trials[run.number]
        trial.report(loss, run.done)
        if run.done >= self._task.epochs or not trial.should_prune():
            return "continue"
        self._study.tell(trial, state=TrialState.PRUNED)
        return "prune"

    def finished(self, run: Run) -> None:
        """Tells Optuna the last epoch's value, as its examples do."""
        self._study.tell(self._trials[run.number], float(run.curve[-1]))


class OptunaFront:
    """Optuna's own sampler on two objectives, loss and size, for which it has no pruning."""

    def __init__(self, make: Callable[[int], BaseSampler], task: Task, seed: int) -> None:
        self._task = task
        self._study = optuna.create_study(directions=["minimize"] * 2, sampler=make(seed))
        self._space = {name: distribution(of) for name, of in task.space.items()}
        self._trials: dict[int, Trial] = {}

    def next(self) -> Run:
        """Asks for a trial."""
        trial = self._study.ask(self._space)
        self._trials[trial.number] = trial
        size = size_of(self._task, trial.params)
        return Run(trial.number, self._task.curve(trial.params), size=size)

    def report(self, run: Run, loss: float) -> Answer:
        """Trains it to its end."""
        return "continue"

    def finished(self, run: Run) -> None:
        """Tells Optuna its best loss, which is a trial's value in hpsearch, and its size."""
        self._study.tell(self._trials[run.number], [float(run.curve.min()), run.size])


def _hyperband(task: Task) -> BasePruner:
    return HyperbandPruner(min_resource=1, max_resource=task.epochs, reduction_factor=3)


PEERS: dict[str, Callable[[Task, int], Policy]] = {
    "random": lambda task, seed: OptunaAskTell(task, RandomSampler(seed=seed), NopPruner()),
    "optuna tpe": lambda task, seed: OptunaAskTell(task, TPESampler(seed=seed), NopPruner()),
    "optuna tpe+median": lambda task, seed: OptunaAskTell(
        task, TPESampler(seed=seed), MedianPruner()
    ),
    "optuna tpe+hyperband": lambda task, seed: OptunaAskTell(
        task, TPESampler(seed=seed), _hyperband(task)
    ),
    "optuna tpe+sha": lambda task, seed: OptunaAskTell(task, TPESampler(seed=seed), Halving()),
    "optuna gp+median": lambda task, seed: OptunaAskTell(
        task, GPSampler(seed=seed), MedianPruner()
    ),
}
FRONTS: dict[str, Callable[[Task, int], Policy]] = {
    "optuna tpe": partial(OptunaFront, lambda seed: TPESampler(seed=seed)),
    "optuna nsgaii": partial(OptunaFront, lambda seed: NSGAIISampler(seed=seed)),
    "random": partial(OptunaFront, lambda seed: RandomSampler(seed=seed)),
}
if find_spec("ray") and find_spec("pyarrow"):
    PEERS["ray asha"] = RayAsha
if find_spec("syne_tune"):
    PEERS["syne tune asha"] = partial(SyneTune, "ASHA")
    PEERS["syne tune bohb"] = partial(SyneTune, "BOHB")
optuna.logging.set_verbosity(optuna.logging.ERROR)
warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
