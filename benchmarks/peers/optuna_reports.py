"""How fast Optuna's storage takes reports: one of several processes on one study.

    python optuna_reports.py URL PROCESSES TRIALS REPORTS

The processes wait for one another before they begin. A trial that raises an error is lost, and the
next one begins.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import optuna
from work import say

NAME = "peer"
PATIENCE_S = 300.0


def wait_for_all(processes: int) -> None:
    """Returns once every process has started.

    Raises:
        SystemExit: one of them has not started in time.
    """
    Path(f"ready-{os.getpid()}").touch()
    deadline = time.monotonic() + PATIENCE_S
    while len(list(Path.cwd().glob("ready-*"))) < processes:
        if time.monotonic() > deadline:
            raise SystemExit(f"not all of the {processes} processes have begun")
        time.sleep(0.005)


def load(url: str) -> optuna.Study:
    """Returns the study; opening an SQLite file sometimes fails while many others open it."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return optuna.load_study(
                study_name=NAME,
                storage=url,
                sampler=optuna.samplers.RandomSampler(),
                pruner=optuna.pruners.NopPruner(),
            )
        except Exception:
            if time.monotonic() > deadline:
                raise


def main() -> None:
    """Reports, and prints the measurements."""
    url, (processes, trials, reports) = sys.argv[1], map(int, sys.argv[2:])
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = load(url)
    waits: list[float] = []
    lost = 0
    wait_for_all(processes)
    began = time.time()
    for _ in range(trials):
        try:
            trial = study.ask()
            value = trial.suggest_float("x", 0, 1)
            for step in range(1, reports + 1):
                start = time.perf_counter()
                trial.report(value + step, step)
                trial.should_prune()
                waits.append(time.perf_counter() - start)
            study.tell(trial, value)
        except Exception as error:
            print(f"a trial is lost: {error!r}"[:300])
            lost += 1
    say(began=began, ended=time.time(), waits=waits, reports=len(waits), lost=lost)


if __name__ == "__main__":
    main()
