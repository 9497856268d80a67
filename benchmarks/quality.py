"""Compares search policies on tables of learning curves, on a simulated clock: minutes, not weeks.

    python benchmarks/quality.py --tables FOLDER                     # the reporting tasks, 20 seeds
    python benchmarks/quality.py --tables FOLDER --tasks choosing --seeds 5 --workers 8
    python benchmarks/quality.py --tables FOLDER --workers 8 --trainings 80  # a longer search
    python benchmarks/quality.py --tables FOLDER --tried             # what did not pay, 5 seeds
    python benchmarks/quality.py --table --page docs/quality.md      # from stored results

hpsearch runs with its real coordinator. A search has the time of 20 whole trainings, or five on
each worker if that is more, unless `--trainings` says otherwise; an epoch costs 1, beginning or
continuing a trial 0.1. The results of each search are added as a line to
benchmarks/results/policies.jsonl; searches that are in the file already are not run again.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from policies.clock import Log, simulate
from policies.figures import BASE, curves_of, fold, table
from policies.ours import search
from policies.peers import PEERS
from policies.stored import measure_and_show, parse, parser, read
from policies.tasks import Setting, Task, best_of_lcbench, by_mean_rank, load

RESULTS = Path(__file__).parent / "results" / "policies.jsonl"
TRIED_RESULTS = RESULTS.with_name("tried.jsonl")
TRAININGS = 20  # or five on each worker, if that is more
POINTS = 200
# Fixed before any measurement: the tasks to tune on, and the tasks to report.
TASKS = {
    "choosing": (
        "lcbench-189906",
        "lcbench-167168",
        "taskset-patch128_LSTM128_embed128_bs64",
        "taskset-patch32_GRU128_bs128",
    ),
    "reporting": (
        "lcbench-189873",
        "lcbench-126026",
        "lcbench-167190",
        "lcbench-168330",
        "taskset-patch32_LSTM128_bs128",
        "taskset-patch32_VRNN128_tanh_bs128",
        "mnist-cycle",
    ),
}


def _promote(sampler: Mapping[str, Any] | None = None, **scheduler: int) -> dict[str, Any]:
    """Returns the study block of a variant of `promote`."""
    return {
        "scheduler": {"class_path": "promote", "init_args": scheduler},
        "sampler": {"class_path": "rungs", "init_args": dict(sampler or {})},
    }


STUDIES: dict[str, dict[str, Any]] = {
    "hpsearch promote": {"scheduler": "promote"},
    "hpsearch promote, random": {"scheduler": "promote", "sampler": "random"},
    "hpsearch tpe+hyperband": {"sampler": "tpe", "pruner": "hyperband"},
}
# Variants that were no better on the tasks for choosing.
TRIED: dict[str, dict[str, Any]] = {
    "one in three continues": _promote(eta=3),
    "one in five continues": _promote(eta=5),
    "the first rung after three epochs": _promote(first=3),
    "no proposals at random": _promote(sampler={"explore": 0.0}),
    "learns from six trials on": _promote(sampler={"n_startup_trials": 6}),
    "twice as many candidates": _promote(sampler={"n_ei_candidates": 48}),
}
# The share of settings that are better than the known one on two other tasks of its kind.
SHARES = {"prior": 0.0, "bad prior": 0.9}
# The best one, and the two best together, on all data sets of LCBench that are not reported.
OF_30, TWO_OF_30 = "prior of 30 tasks", "two settings of 30 tasks"
# What is known beforehand, and the tasks on which it is compared.
KNOWN = {
    "tasks with others of their kind": tuple(SHARES),
    "data sets of LCBench": ("prior", OF_30, TWO_OF_30),
}

Search = Callable[[Task, int, int, float], Log]


def contestants(*, tried: bool = False) -> dict[str, Search]:
    """Returns every policy by name: a function of a task, a seed, workers and a budget.

    Args:
        tried: whether to return the variants that were no better, and their baseline.
    """
    if tried:
        studies = {"hpsearch promote": STUDIES["hpsearch promote"], **TRIED}
        found = {name: partial(_ours, study) for name, study in studies.items()}
        return {**found, BASE: partial(_peer, PEERS[BASE])}
    ours = {name: partial(_ours, study) for name, study in STUDIES.items()}
    return {**ours, **{name: partial(_peer, policy) for name, policy in PEERS.items()}}


def with_priors(folder: Path, name: str) -> dict[str, Search]:
    """Returns searches of a task that start from a setting known from other tasks of its kind.

    It becomes hpsearch's priors, and Optuna's first trial; a second one is enqueued in both.
    """
    kind = name.partition("-")[0]
    kin = [of for of in TASKS["choosing"] if of.startswith(kind) and of != name]
    if not kin:
        return {}
    ranked = by_mean_rank([load(folder, of) for of in kin])
    settings = {known: [ranked[int(share * len(ranked))]] for known, share in SHARES.items()}
    if kind == "lcbench" and name in TASKS["reporting"]:
        both = best_of_lcbench(folder, frozenset(TASKS["reporting"]), 2)
        settings |= {OF_30: both[:1], TWO_OF_30: both}
    found: dict[str, Search] = {}
    for words, known in settings.items():
        promote = STUDIES["hpsearch promote"]
        found[f"hpsearch promote, {words}"] = partial(_ours, promote, known=known)
        found[f"{BASE}, {words}"] = partial(_peer, PEERS[BASE], known=known)
    return found


def measure(args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yields one line for each search that is not measured yet."""
    known = {(r["task"], r["who"], r["seed"], *_size(r)) for r in read(args.out)}
    trainings = args.trainings or _usual(args.workers)
    for name in TASKS.get(args.tasks, (args.tasks,)):
        task = load(args.tables, name)
        everybody = contestants(tried=args.tried)
        if not args.tried:
            everybody |= with_priors(args.tables, name)
        chosen = {who: run for who, run in everybody.items() if who in (args.only or [who])}
        budget = trainings * task.epochs
        grid = np.linspace(0, budget, POINTS + 1)[1:]
        for who, run in chosen.items():
            for seed in range(args.seeds):
                if (name, who, seed, args.workers, trainings) in known:
                    continue
                began = time.process_time()
                log = run(task, seed, args.workers, budget)
                yield {
                    "task": name,
                    "who": who,
                    "seed": seed,
                    "workers": args.workers,
                    "trainings": trainings,
                    "trials": len({number for _, _, number, _ in log.rows}),
                    "complete": sum(done == task.epochs for *_, done in log.rows),
                    "cpu_s": round(time.process_time() - began, 2),
                    "whole": _regrets(task, log.best(grid, task.epochs, whole=True)),
                    "any": _regrets(task, log.best(grid, task.epochs, whole=False)),
                }


def main() -> None:
    """Measures what is missing and prints the tables."""
    args = _parse()
    place = "tried" if args.tried else "policies"
    measure_and_show(args, measure, lambda line: line["whole"][-1][1], tables, place)


def tables(lines: list[dict[str, Any]]) -> str:
    """Returns the tables of all stored results, by size of search and by which trials count."""
    found: dict[str, str] = {}
    for workers, trainings in sorted({_size(line) for line in lines}):
        mine = [line for line in lines if _size(line) == (workers, trainings)]
        size = f"{workers} workers, {trainings} trainings"
        for which, words in (("whole", "only whole trials count"), ("any", "every epoch counts")):
            found[f"{size}, {words}"] = table(curves_of(mine, which))
        for where, known in KNOWN.items():
            informed = {f"{who}, {of}" for who in ("hpsearch promote", BASE) for of in known}
            having = {line["task"] for line in mine if line["who"].endswith(f", {known[-1]}")}
            compared = {*informed, "hpsearch promote", BASE}
            shown = [of for of in mine if of["task"] in having and of["who"] in compared]
            if having:
                words = f"{size}, only whole trials count, {where}"
                found[words] = table(curves_of(shown, "whole"))
    return "\n".join(f"{words}:\n\n{rows}\n" for words, rows in found.items())


def _size(line: Mapping[str, Any]) -> tuple[int, int]:
    workers = line["workers"]
    return workers, line.get("trainings", _usual(workers))


def _usual(workers: int) -> int:
    return max(TRAININGS, 5 * workers)


def _ours(
    study: dict[str, Any],
    task: Task,
    seed: int,
    workers: int,
    budget: float,
    known: Sequence[Setting] = (),
) -> Log:
    return search(task, seed, workers, budget, study, known)


def _peer(
    make: Callable[[Task, int], Any],
    task: Task,
    seed: int,
    workers: int,
    budget: float,
    known: Sequence[Setting] = (),
) -> Log:
    policy = make(task, seed)
    for setting in known:
        policy.enqueue(setting)
    return simulate(task, policy, workers, budget)


def _regrets(task: Task, losses: np.ndarray) -> list[list[float]]:
    """Returns losses as regrets: 0 for the best known setting, 1 for the median random one."""
    return fold((losses - task.best) / (task.median - task.best))


def _parse() -> argparse.Namespace:
    options = parser(__doc__, RESULTS, seeds=20)
    options.add_argument("--tasks", default="reporting", help="reporting, choosing, or one task")
    options.add_argument("--trainings", type=int, help="the budget, in whole trainings")
    options.add_argument(
        "--tried", action="store_true", help="the variants that were no better, kept in tried.jsonl"
    )
    args = parse(options)
    if args.tried:
        args.tasks, args.seeds, args.out = "choosing", min(args.seeds, 5), TRIED_RESULTS
    return args


if __name__ == "__main__":
    main()
