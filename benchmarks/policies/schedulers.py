"""The scheduler classes of Ray Tune and Syne Tune, at their defaults."""

from __future__ import annotations

from datetime import datetime
from types import SimpleNamespace
from typing import Any

import optuna
from optuna.samplers import RandomSampler

from policies.clock import Answer, Run
from policies.tasks import Range, Task, distribution


class RayAsha:
    """Ray Tune's own ASHA class, at its defaults, with random proposals."""

    def __init__(self, task: Task, seed: int) -> None:
        from ray.tune.schedulers import AsyncHyperBandScheduler

        self._task = task
        self._sampler = optuna.create_study(sampler=RandomSampler(seed=seed))
        self._space = {name: distribution(of) for name, of in task.space.items()}
        self._scheduler = AsyncHyperBandScheduler(
            time_attr="epoch", metric="loss", mode="min", max_t=task.epochs
        )
        self._trials: dict[int, Any] = {}

    def next(self) -> Run:
        """Begins a trial with a random setting."""
        trial = self._sampler.ask(self._space)
        run = Run(trial.number, self._task.curve(trial.params))
        self._trials[run.number] = SimpleNamespace(trial_id=str(run.number))
        self._scheduler.on_trial_add(None, self._trials[run.number])
        return run

    def report(self, run: Run, loss: float) -> Answer:
        """Stops the trial if the scheduler says so."""
        result = {"epoch": run.done, "loss": loss}
        answer = self._scheduler.on_trial_result(None, self._trials[run.number], result)
        return "continue" if answer == "CONTINUE" or run.done >= self._task.epochs else "prune"

    def finished(self, run: Run) -> None:
        """Does nothing: the scheduler has had every result."""


class SyneTune:
    """A baseline class of Syne Tune: ASHA proposes at random, BOHB learns from rungs."""

    def __init__(self, baseline: str, task: Task, seed: int) -> None:
        from syne_tune.optimizer import baselines

        self._task = task
        self._scheduler = getattr(baselines, baseline)(
            {name: _domain(of) for name, of in task.space.items()},
            metric="loss",
            time_attr="epoch",
            max_t=task.epochs,
            random_seed=seed,
        )
        self._trials: list[Any] = []

    def next(self) -> Run:
        """Begins the trial that the scheduler suggests."""
        from syne_tune.backend.trial_status import Trial

        config = self._scheduler.suggest().config
        trial = Trial(len(self._trials), config, datetime(2000, 1, 1))
        self._trials.append(trial)
        self._scheduler.on_trial_add(trial)
        return Run(trial.trial_id, self._task.curve(config))

    def report(self, run: Run, loss: float) -> Answer:
        """Stops the trial if the scheduler says so."""
        trial, result = self._trials[run.number], {"epoch": run.done, "loss": loss}
        if run.done >= self._task.epochs:
            self._scheduler.on_trial_complete(trial, result)
            return "continue"
        answer = self._scheduler.on_trial_result(trial, result)
        return "continue" if answer == "CONTINUE" else "prune"

    def finished(self, run: Run) -> None:
        """Does nothing: the scheduler has had every result."""


def _domain(of: Range) -> Any:
    from syne_tune import config_space

    if of.whole:
        draw = config_space.lograndint if of.log else config_space.randint
        return draw(int(of.low), int(of.high))
    return (config_space.loguniform if of.log else config_space.uniform)(of.low, of.high)
