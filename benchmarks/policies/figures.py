"""Computes normalised regrets, and how many times fewer epochs a policy needs for a quality.

A regret of 0 is that of a task's best known setting, and 1 that of the median random one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

BASE = "optuna tpe+median"
SHARES = (0.10, 0.25, 0.50, 1.0)
NOTHING = 2.0  # the regret of a search that has no model yet
DRAWS = 400

# A task's searches: by contestant, seeds by points of the grid.
Curves = Mapping[str, np.ndarray]


def curves_of(lines: Iterable[Mapping[str, Any]], which: str) -> dict[str, dict[str, np.ndarray]]:
    """Returns the regrets by task and contestant, seeds in order.

    Args:
        lines: one for each search, as the benchmark writes them.
        which: `whole` counts only trials that were trained to their end, `any` counts all.
    """
    found: dict[str, dict[str, dict[int, np.ndarray]]] = defaultdict(lambda: defaultdict(dict))
    for line in lines:
        curve = unfold(line[which])
        found[line["task"]][line["who"]][line["seed"]] = curve
    return {
        task: {who: np.array([by[seed] for seed in sorted(by)]) for who, by in contestants.items()}
        for task, contestants in found.items()
    }


def fold(regrets: np.ndarray) -> list[list[float]]:
    """Returns the steps of a falling curve: point of the grid, and regret from there on."""
    changes = np.flatnonzero(np.append(True, regrets[1:] != regrets[:-1]))
    steps = [[int(at), round(float(regrets[at]), 4)] for at in changes]
    return [[len(regrets), 0.0], *(step for step in steps if np.isfinite(step[1]))]


def unfold(steps: Sequence[Sequence[float]]) -> np.ndarray:
    """Returns the curve with these steps; a search has no result before the first."""
    (points, _), *changes = steps
    curve = np.full(int(points), NOTHING)
    for at, regret in changes:
        curve[int(at) :] = regret
    return curve


def speed_up(curves: np.ndarray, target: float) -> float:
    """Returns how many times fewer epochs than the budget the median search takes to a target.

    A target that is not reached within the budget counts as reached after 1.5 budgets.
    """
    median = np.median(curves, axis=0)
    met = np.flatnonzero(median <= target + 1e-12)
    return len(median) / (met[0] + 1) if len(met) else 2 / 3


def speed_ups(tasks: Sequence[Curves], who: str, base: str = BASE) -> np.ndarray:
    """Returns each task's speed-up to the final regret of `base`."""
    return np.array([speed_up(task[who], float(np.median(task[base][:, -1]))) for task in tasks])


def interval(
    tasks: Sequence[Curves], who: str, base: str = BASE, seed: int = 0
) -> tuple[float, float]:
    """Returns the 95 % interval of the mean speed-up, by bootstrap over the seeds of both."""
    rng = np.random.default_rng(seed)
    means = []
    for _ in range(DRAWS):
        drawn = [
            {name: _resampled(task[name], rng) for name in sorted({who, base})} for task in tasks
        ]
        means.append(geometric_mean(speed_ups(drawn, who, base)))
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def geometric_mean(values: np.ndarray) -> float:
    """Returns the geometric mean."""
    return float(np.exp(np.log(values).mean()))


def wins(tasks: Sequence[Curves], who: str, base: str = BASE) -> float:
    """Returns how often a search ends better than one of `base`; ties count half."""
    shares = []
    for task in tasks:
        mine, theirs = task[who][:, None, -1], task[base][None, :, -1]
        shares.append(np.mean((mine < theirs) + 0.5 * (mine == theirs)))
    return float(np.mean(shares))


def table(curves: Mapping[str, Curves], base: str = BASE) -> str:
    """Returns a table of the contestants with results in all tasks, the best final regret first."""
    tasks = [curves[name] for name in sorted(curves) if base in curves[name]]
    if not tasks:
        return f"{base}, which the others are compared with, is not measured yet"
    whos = [who for who in tasks[0] if all(who in task for task in tasks)]
    rows = [(_regret(tasks, who, 1.0), _row(tasks, who, base)) for who in whos]
    shares = " | ".join(f"{share:.0%}" for share in SHARES)
    return "\n".join(
        [
            f"| policy | seeds | {shares} | speed-up (95 %) | slowest task | ends better |",
            "|---" * (len(SHARES) + 5) + "|",
            *(row for _, row in sorted(rows)),
        ]
    )


def _row(tasks: Sequence[Curves], who: str, base: str) -> str:
    regrets = " | ".join(f"{_regret(tasks, who, share):.3f}" for share in SHARES)
    factors = speed_ups(tasks, who, base)
    low, high = interval(tasks, who, base)
    seeds = min(len(task[who]) for task in tasks)
    faster = f"{geometric_mean(factors):.2f} ({low:.2f} to {high:.2f})"
    ahead = f"{wins(tasks, who, base):.0%}"
    return f"| {who} | {seeds} | {regrets} | {faster} | {factors.min():.2f} | {ahead} |"


def _regret(tasks: Sequence[Curves], who: str, share: float) -> float:
    points = tasks[0][who].shape[1]
    at = round(share * points) - 1
    return float(np.mean([np.median(task[who][:, at]) for task in tasks]))


def _resampled(curves: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return curves[rng.integers(0, len(curves), len(curves))]
