"""The quality of a Pareto front of losses and sizes: the area that it dominates."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from policies.clock import Log
from policies.tasks import Task


def hypervolume(points: Iterable[tuple[float, float]]) -> float:
    """Returns the area of the unit square that points dominate; smaller is better in both."""
    area, lowest = 0.0, 1.0
    for one, other in sorted(points):
        if one < 1.0 and other < lowest:
            area += (1.0 - one) * (lowest - other)
            lowest = other
    return area


def volumes(log: Log, task: Task, grid: np.ndarray, *, whole: bool) -> list[float]:
    """Returns the hypervolume of regret and size by each time of the grid.

    A regret of 0 is that of a task's best known setting, and 1 that of the median random one.

    Args:
        log: of a search.
        task: the task that it tuned.
        grid: times, ascending.
        whole: whether a run counts only once it is trained to its end, with its best epoch.
    """
    found, points, best = [], dict[int, tuple[float, float]](), dict[int, float]()
    rows = iter([*log.rows, (np.inf, np.inf, -1, 0)])
    time, loss, number, done = next(rows)
    for until in grid:
        while time <= until:
            best[number] = min(loss, best.get(number, np.inf))
            if done >= task.epochs or not whole:
                regret = (best[number] - task.best) / (task.median - task.best)
                points[number] = (max(regret, 0.0), log.sizes[number])
            time, loss, number, done = next(rows)
        found.append(round(hypervolume(points.values()), 5))
    return found
