"""A search with Optuna's own sampler and pruner until a validation accuracy is reached.

    python hunt.py lightning|hand ORDER

Several processes may share the study; the first to reach the target writes the file `found`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
from networks import build
from torch import nn
from work import Task, Work

Heard = Callable[[float], None]
Train = Callable[[Work, float, nn.Module, Heard], None]


def lightning() -> Train:
    """Returns the training with a default Lightning Trainer and a callback for each epoch."""
    import lightning as pl
    from lightning_parts import Module, loaders

    class Tell(pl.Callback):
        """Passes on the accuracy of each epoch, as Optuna's own callback did."""

        def __init__(self, heard: Heard) -> None:
            self._heard = heard

        def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
            """Passes on the accuracy."""
            if not trainer.sanity_checking:
                self._heard(float(trainer.callback_metrics["val_accuracy"]))

    def train(work: Work, lr: float, network: nn.Module, heard: Heard) -> None:
        trainer = pl.Trainer(
            max_epochs=work.epochs,
            accelerator="cpu",
            default_root_dir=work.folder,
            callbacks=[Tell(heard)],
        )
        trainer.fit(Module(work, lr, network), *loaders(work))

    return train


def hand() -> Train:
    """Returns the training with the loop written by hand."""
    import by_hand

    held: list[by_hand.Data] = []

    def train(work: Work, lr: float, network: nn.Module, heard: Heard) -> None:
        if not held:
            held.append(by_hand.load(work))
        for accuracy in by_hand.train(work, held[0], lr, network):
            heard(accuracy)

    return train


def main() -> None:
    """Searches."""
    order: dict[str, Any] = json.loads(sys.argv[2])
    train = {"lightning": lightning, "hand": hand}[sys.argv[1]]()
    found = Path(order["folder"]) / "found"
    study = optuna.load_study(
        study_name="peer",
        storage=f"sqlite:///{order['folder']}/study.db",
        sampler=optuna.samplers.TPESampler(seed=order["seed"]),
    )

    def objective(trial: optuna.Trial) -> float:
        """Trains a trial until it is pruned or the search is over."""
        task = Task(
            "cnn",
            trial.suggest_categorical("batch_size", order["batch_sizes"]),
            dropout=trial.suggest_float("dropout", *order["dropout"]),
            augment=True,
        )
        channels = [
            trial.suggest_int(f"channels_{i}", *order["channels"], log=True) for i in (0, 1)
        ]
        hidden = trial.suggest_int("hidden", *order["hidden"], log=True)
        lr = trial.suggest_float("lr", *order["lr"], log=True)
        same = {name: order[name] for name in ("epochs", "data", "validation", "folder")}
        work = Work(task, rates=(), cycle=True, **same)
        accuracies: list[float] = []

        def heard(accuracy: float) -> None:
            accuracies.append(accuracy)
            trial.report(accuracy, len(accuracies))
            if accuracy >= order["target"]:
                found.touch()
            if found.exists():
                study.stop()
            if found.exists() or trial.should_prune():
                raise optuna.TrialPruned

        train(work, lr, build(task, channels, hidden), heard)
        return accuracies[-1]

    study.optimize(objective)


if __name__ == "__main__":
    main()
