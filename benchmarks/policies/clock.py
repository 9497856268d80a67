"""Workers in simulated time: an epoch costs 1, beginning or continuing a trial costs 0.1."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np

from policies.tasks import Task

SWITCH = 0.1
Answer = Literal["continue", "pause", "prune"]


@dataclass
class Run:
    """A trial on the clock: its curve, the epochs done, and the size of its network."""

    number: int
    curve: np.ndarray
    done: int = 0
    size: float = 0.0


@dataclass
class Log:
    """Every trained epoch: its time (in epochs of all workers together), loss and trial.

    Also holds the size of each trial's network, if the task gives it.
    """

    rows: list[tuple[float, float, int, int]] = field(default_factory=list)
    sizes: dict[int, float] = field(default_factory=dict)

    def add(self, time: float, run: Run) -> float:
        """Records that a run has done one more epoch; returns its loss."""
        loss = float(run.curve[run.done])
        run.done += 1
        self.rows.append((time, loss, run.number, run.done))
        self.sizes[run.number] = run.size
        return loss

    def best(self, grid: np.ndarray, epochs: int, *, whole: bool) -> np.ndarray:
        """Returns the best loss by each time of the grid; infinite before the first.

        Args:
            grid: times, ascending.
            epochs: of a whole training.
            whole: whether a run counts only once it is trained to its end, with its best epoch.
        """
        found = np.full(len(grid), np.inf)
        best: dict[int, float] = {}
        for time, loss, number, done in self.rows:
            best[number] = min(loss, best.get(number, np.inf))
            if done >= epochs or not whole:
                at = int(np.searchsorted(grid, time))
                if at < len(grid):
                    found[at] = min(found[at], best[number])
        return np.minimum.accumulate(found)


class Policy(Protocol):
    """Proposes settings and decides how long they train."""

    def next(self) -> Run:
        """Returns the run for a free worker: a new one or a paused one."""

    def report(self, run: Run, loss: float) -> Answer:
        """Takes a run's loss after an epoch, `run.done`, and decides what it does next."""

    def finished(self, run: Run) -> None:
        """Takes notice that a run is trained to its end."""


def simulate(task: Task, policy: Policy, workers: int, budget: float) -> Log:
    """Runs a policy until the budget of time is spent, in epochs of all workers together."""
    log, order = Log(), itertools.count()
    heap: list[tuple[float, int, Run | None]] = [(0.0, next(order), None) for _ in range(workers)]
    while heap:
        now, _, run = heapq.heappop(heap)
        if now * workers > budget:
            break
        if run is not None:
            answer = policy.report(run, log.add(now * workers, run))
            if run.done >= task.epochs and answer == "continue":
                policy.finished(run)
            if run.done >= task.epochs or answer != "continue":
                run = None
        wait = 1.0
        if run is None:
            run = policy.next()
            wait += SWITCH
        heapq.heappush(heap, (now + wait, next(order), run))
    return log


def settings_of(params: Mapping[str, Any]) -> dict[str, float]:
    """Returns a setting under the task's own names: the last part of each parameter's path."""
    return {name.rpartition(".")[2]: value for name, value in params.items()}
