"""Searches with two objectives, loss and size, on the simulated clock of quality.py.

    python benchmarks/pareto_fronts.py --tables FOLDER                  # four tasks, 3 seeds
    python benchmarks/pareto_fronts.py --table --page docs/quality.md   # of what there is already

A search has the time of 20 whole trainings, of 16 epochs each, about as long as three of the tasks'
own. What is measured is kept line by line in benchmarks/results/pareto_fronts.jsonl; searches that
are there are not run again.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from policies.clock import Log, simulate
from policies.fronts import volumes
from policies.ours import search
from policies.peers import FRONTS
from policies.stored import measure_and_show, parse, parser, read
from policies.tasks import Task, Thinned, load
from quality import TRAININGS

RESULTS = Path(__file__).parent / "results" / "pareto_fronts.jsonl"
# Of LCBench: the others do not know how large their networks are.
TASKS = ("lcbench-189906", "lcbench-167168", "lcbench-3945", "lcbench-7593")
EPOCHS = 16
POINTS = 20
SHARES = (0.25, 0.5, 1.0)
BASE = "optuna tpe"
OURS = "hpsearch promote"
STUDY = {"scheduler": "promote", "objective": {"loss": "minimize", "size": "minimize"}}

Line = Mapping[str, Any]


def run(who: str, task: Task, seed: int, workers: int, budget: float) -> Log:
    """Returns what a contestant did in a search of a task."""
    if who == OURS:
        return search(task, seed, workers, budget, STUDY)
    return simulate(task, FRONTS[who](task, seed), workers, budget)


def measure(args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yields one line for each search that is not measured yet."""
    known = {(r["task"], r["who"], r["seed"], r["workers"]) for r in read(args.out)}
    for name in args.tasks:
        task = Thinned(load(args.tables, name), EPOCHS)
        budget = TRAININGS * task.epochs
        grid = np.linspace(0, budget, POINTS + 1)[1:]
        for who in args.only or (OURS, *FRONTS):
            for seed in range(args.seeds):
                if (name, who, seed, args.workers) in known:
                    continue
                log = run(who, task, seed, args.workers, budget)
                yield {
                    "task": name,
                    "who": who,
                    "seed": seed,
                    "workers": args.workers,
                    "trials": len(log.sizes),
                    "complete": sum(done == task.epochs for *_, done in log.rows),
                    "whole": volumes(log, task, grid, whole=True),
                    "any": volumes(log, task, grid, whole=False),
                }


def table(lines: Sequence[Line]) -> str:
    """Returns the median hypervolumes of each contestant, and how often it ends above `BASE`."""
    tasks = sorted({line["task"] for line in lines})
    heads = ("policy", "task", "seeds", *(f"{share:.0%}" for share in SHARES))
    rows = [f"| {' | '.join((*heads, f'above {BASE}', 'every epoch counts'))} |"]
    rows.append("|---" * (len(heads) + 2) + "|")
    for who in dict.fromkeys(line["who"] for line in lines):
        for task in tasks:
            mine, theirs = _by_seed(lines, who, task), _by_seed(lines, BASE, task)
            if not (both := sorted(mine.keys() & theirs.keys())):
                continue
            at = [round(share * POINTS) - 1 for share in SHARES]
            medians = np.median([mine[seed]["whole"] for seed in both], axis=0)[at]
            above = [
                sum(mine[seed][which][-1] > theirs[seed][which][-1] for seed in both)
                for which in ("whole", "any")
            ]
            cells = [who, task, str(len(both)), *(f"{value:.3f}" for value in medians)]
            cells += ["-" if who == BASE else f"{count} of {len(both)}" for count in above]
            rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def main() -> None:
    """Measures what is missing, and prints the table."""
    measure_and_show(_parse(), measure, lambda line: line["whole"][-1], table, "pareto_fronts")


def _by_seed(lines: Sequence[Line], who: str, task: str) -> dict[int, Line]:
    return {line["seed"]: line for line in lines if (line["who"], line["task"]) == (who, task)}


def _parse() -> argparse.Namespace:
    options = parser(__doc__, RESULTS, seeds=3)
    options.add_argument("--tasks", nargs="+", default=TASKS)
    return parse(options)


if __name__ == "__main__":
    main()
