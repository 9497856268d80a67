"""Ray Tune with the same Lightning module: one CPU for each trial, one trial for each CPU."""

from __future__ import annotations

import sys
from pathlib import Path

import ray
from lightning_parts import train
from ray import tune
from work import read_work, say

if __name__ == "__main__":
    work = read_work()
    here = str(Path(__file__).parent)
    sys.path.insert(0, here)
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        runtime_env={"env_vars": {"PYTHONPATH": here}},
    )

    def trainable(config: dict[str, float]) -> None:
        """Trains a trial."""
        accuracy = train(work, config["lr"], enable_progress_bar=False)
        tune.report({"val_accuracy": accuracy})

    tuner = tune.Tuner(
        tune.with_resources(trainable, {"cpu": 1}),
        param_space={"lr": tune.grid_search(list(work.rates))},
        tune_config=tune.TuneConfig(metric="val_accuracy", mode="max"),
        run_config=tune.RunConfig(storage_path=str(Path(work.folder).resolve()), verbose=0),
    )
    results = tuner.fit()
    say(accuracies=[result.metrics["val_accuracy"] for result in results])
