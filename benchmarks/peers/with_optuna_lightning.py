"""Optuna with a default Lightning Trainer, as in their documentation."""

from __future__ import annotations

import time

import optuna
from lightning_parts import train
from work import read_work, say

if __name__ == "__main__":
    work = read_work()
    study = optuna.create_study(
        study_name="peer",
        storage=f"sqlite:///{work.folder}/study.db",
        direction="maximize",
        sampler=optuna.samplers.GridSampler({"lr": list(work.own_rates)}),
        load_if_exists=True,
    )
    values, seconds = [], []

    def objective(trial: optuna.Trial) -> float:
        """Trains a trial."""
        lr = trial.suggest_float("lr", 1e-5, 1e-1, log=True)
        start = time.perf_counter()
        values.append(train(work, lr))
        seconds.append(time.perf_counter() - start)
        return values[-1]

    study.optimize(objective, n_trials=len(work.own_rates))
    say(accuracies=values, seconds=seconds)
