"""The tutorial's five models at fixed settings on all of MNIST: test accuracy over three seeds.

    python benchmarks/tutorial.py --out tutorial.jsonl              # trains what is missing
    python benchmarks/tutorial.py --out tutorial.jsonl --tables     # prints its results
    python benchmarks/tutorial.py --choose cnn                      # validation only, one seed

The settings were chosen on the validation split with seed 0 (`--choose`, which cannot read the
test split). Each reported run reads the test split once, after its last epoch. A run that is in
the file already is not repeated, so that the script can be stopped and continued.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
import warnings
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, EMAWeightAveraging

from hpsearch.data import ImageData
from hpsearch.models import CNN, MLP, AbstractClassifier, OneCycle, Softmax

SEEDS = (1, 2, 3)
CHOICE_SEED = 0


@dataclass(frozen=True)
class Recipe:
    """Fixed settings of one of the tutorial's models.

    Attributes:
        model: the class.
        target: mean test accuracy to reach.
        arguments: of the model.
        augment: strengths of the augmentation; empty for none.
        epochs: of the whole training, with one learning-rate cycle over all of them.
        batch_size: training images in each step.
        lr: the peak of the one-cycle schedule.
        weight_decay: of AdamW.
        ema: decay of the weights' moving average, which is evaluated.
    """

    model: type[AbstractClassifier]
    target: float
    epochs: int
    lr: float
    arguments: dict[str, Any] = field(default_factory=dict)
    augment: dict[str, float] = field(default_factory=dict)
    batch_size: int = 128
    weight_decay: float = 0.01
    ema: float = 0.998


RECIPES = {
    "softmax": Recipe(Softmax, target=0.920, epochs=15, lr=3e-3, weight_decay=0.0),
    "mlp": Recipe(MLP, target=0.973, epochs=20, lr=4e-3),
    "cnn": Recipe(CNN, target=0.989, epochs=6, lr=4e-3, arguments={"label_smoothing": 0.05}),
    "cnn_dropout": Recipe(
        CNN,
        target=0.991,
        epochs=12,
        lr=4e-3,
        arguments={"dropout": 0.1, "label_smoothing": 0.05},
    ),
    "cnn_augmented": Recipe(
        CNN,
        target=0.9935,
        epochs=16,
        lr=5e-3,
        arguments={"dropout": 0.05, "label_smoothing": 0.05},
        augment={"shift": 0.08, "rotate": 12.0},
    ),
}


class EpochLine(Callback):
    """Prints the metrics after each epoch."""

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Prints one line."""
        metrics = {name: f"{value:.4f}" for name, value in trainer.callback_metrics.items()}
        print(f"  epoch {trainer.current_epoch + 1}", metrics, flush=True)


def train(recipe: Recipe, seed: int, read_test: bool) -> dict[str, Any]:
    """Trains one model and returns its accuracies, size and training time.

    Args:
        recipe: the settings.
        seed: of initial weights, order, dropout and augmentation; the split is that of seed 0.
        read_test: whether to read the test split after training.
    """
    pl.seed_everything(seed, verbose=False)
    data = ImageData(batch_size=recipe.batch_size, order_seed=seed, augment=recipe.augment or None)
    data.setup("fit")
    model = recipe.model(**recipe.arguments)
    steps = recipe.epochs * len(data.train_dataloader())
    model.configure_optimizers = lambda: _optimization(model, recipe, steps)
    trainer = pl.Trainer(
        max_epochs=recipe.epochs,
        accelerator="cpu",
        callbacks=[EMAWeightAveraging(decay=recipe.ema), EpochLine()],
        check_val_every_n_epoch=recipe.epochs if read_test else 1,
        num_sanity_val_steps=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    start = time.perf_counter()
    trainer.fit(model, datamodule=data)
    result = {
        "seed": seed,
        "train_seconds": round(time.perf_counter() - start, 1),
        "parameters": sum(p.numel() for p in model.parameters()),
        "val_accuracy": float(trainer.validate(model, data, verbose=False)[0]["val_accuracy"]),
    }
    if read_test:
        data.open_test_split("the reported accuracy of settings that are fixed")
        measured = trainer.test(model, data, verbose=False)[0]
        result["test_accuracy"] = float(measured["test_accuracy"])
    return result


def _optimization(model: AbstractClassifier, recipe: Recipe, steps: int) -> dict[str, Any]:
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=recipe.lr, weight_decay=recipe.weight_decay, fused=True
    )
    schedule = {"scheduler": OneCycle(optimizer, steps), "interval": "step"}
    return {"optimizer": optimizer, "lr_scheduler": schedule}


def settings(recipe: Recipe) -> dict[str, Any]:
    """Returns a recipe as plain data."""
    return {**asdict(recipe), "model": recipe.model.__name__}


def complete(path: Path, names: list[str]) -> None:
    """Trains every model with every seed that is missing in the file, and adds a line for each."""
    versions = {"torch": torch.__version__, "pytorch_lightning": pl.__version__}
    for name in names:
        done = {run["seed"] for run in runs_of(name, path)}
        for seed in sorted(set(SEEDS) - done):
            run = {"name": name, **train(RECIPES[name], seed, read_test=True)}
            run |= {"settings": settings(RECIPES[name]), "versions": versions}
            print(json.dumps(run), flush=True)
            with path.open("a") as lines:
                lines.write(json.dumps(run) + "\n")


def runs_of(name: str, path: Path) -> list[dict[str, Any]]:
    """Returns the runs of a model in the file that have the current settings."""
    lines = path.read_text().splitlines() if path.exists() else []
    wanted = json.loads(json.dumps(settings(RECIPES[name])))
    runs = [json.loads(line) for line in lines]
    return [run for run in runs if run["name"] == name and run["settings"] == wanted]


def tables(path: Path) -> str:
    """Returns the results in the file as two Markdown tables: accuracies, and settings."""
    results = [
        "| Model | Parameters | Test accuracy, seeds 1, 2, 3 | Mean | Wanted | Validation, mean "
        "| Training, s a run |",
        "|---|---:|---|---:|---:|---:|---:|",
    ]
    used = [
        "| Model | Class and arguments | Augmentation | Epochs | Batch | Peak rate | Decay | EMA |",
        "|---|---|---|---:|---:|---:|---:|---:|",
    ]
    for name, recipe in RECIPES.items():
        runs = runs_of(name, path)
        if not runs:
            continue
        results.append(_result_row(name, recipe, runs))
        arguments = ", ".join(f"{key}={value}" for key, value in recipe.arguments.items())
        augment = ", ".join(f"{key} {value}" for key, value in recipe.augment.items()) or "none"
        used.append(
            f"| {name} | `{recipe.model.__name__}({arguments})` | {augment} | {recipe.epochs} | "
            f"{recipe.batch_size} | {recipe.lr:g} | {recipe.weight_decay:g} | {recipe.ema:g} |"
        )
    return "\n".join([*results, "", *used, ""])


def _result_row(name: str, recipe: Recipe, runs: list[dict[str, Any]]) -> str:
    tests = [run["test_accuracy"] for run in runs]
    each = ", ".join(f"{value:.2%}" for value in tests)
    seconds = fmean(run["train_seconds"] for run in runs)
    validation = fmean(run["val_accuracy"] for run in runs)
    return (
        f"| {name} | {runs[0]['parameters']:,} | {each} | {fmean(tests):.2%} | "
        f"{recipe.target:.2%} | {validation:.2%} | {seconds:.0f} |"
    )


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("tutorial.jsonl"))
    parser.add_argument("--tables", action="store_true", help="only print the results in the file")
    parser.add_argument("--only", nargs="+", choices=RECIPES, default=list(RECIPES))
    parser.add_argument("--choose", choices=RECIPES, help="validation only, one seed")
    parser.add_argument("--set", nargs="*", default=[], help="with --choose: epochs=8 lr=0.01 ...")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", category=UserWarning, module="pytorch_lightning")
    if arguments.tables:
        print(tables(arguments.out))
        return
    if not arguments.choose:
        complete(arguments.out, arguments.only)
        return
    changes = {key: json.loads(value) for key, value in (c.split("=") for c in arguments.set)}
    recipe = Recipe(**{**vars(RECIPES[arguments.choose]), **changes})
    print(json.dumps(settings(recipe)))
    print(json.dumps(train(recipe, CHOICE_SEED, read_test=False)))


if __name__ == "__main__":
    main()
