"""Compares the images/s of a trial's training with a loop written by hand, on one thread.

    OMP_NUM_THREADS=1 python benchmarks/step.py                # every task, some minutes
    OMP_NUM_THREADS=1 python benchmarks/step.py mlp-128        # one

Both train the same architecture with the same optimizer on the same random images of MNIST's
shape, in one process, in turns: after each of Lightning's own steps (half a second, or one batch
if it does not train many batches in one step), the loop trains as many batches. Both thus see the
same load on the machine, and the ratio of each pair is fair even if the times are not steady. The
loop is an expert's: all images in one normalised float tensor, one gather for each batch,
channels_last, fused Adam, the loss summed on the device. The trial is `run_trial` as a search calls
it; everything from an epoch's start to its validation counts.
"""

from __future__ import annotations

import argparse
import gzip
import os
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.nn import functional

from hpsearch.protocol.job import Job
from hpsearch.protocol.messages import Decision, Ended, Message, Report
from hpsearch.trial.run import run_trial

VALIDATION = 100


@dataclass(frozen=True)
class Task:
    """A task to train.

    Attributes:
        model: `Softmax`, `MLP` or `CNN`.
        batch_size: images in each step.
        images: training images in each epoch.
        dropout: after each block and the hidden layer.
        augment: whether images are rotated and shifted.
    """

    model: str
    batch_size: int
    images: int
    dropout: float = 0.0
    augment: bool = False


TASKS = {
    "softmax-32": Task("Softmax", 32, 60_000),
    "softmax-128": Task("Softmax", 128, 60_000),
    "mlp-32": Task("MLP", 32, 60_000),
    "mlp-128": Task("MLP", 128, 60_000),
    "cnn-32": Task("CNN", 32, 12_000),
    "cnn-128": Task("CNN", 128, 12_800),
    "cnn-augment-32": Task("CNN", 32, 9_600, dropout=0.2, augment=True),
    "cnn-augment-128": Task("CNN", 128, 10_240, dropout=0.2, augment=True),
}
AUGMENT = {"rotate": 20.0, "shift": 0.05}


class Rival(pl.Callback):
    """Trains with the loop after each of Lightning's steps, and times both."""

    supports_multi_step = True
    loop: Callable[[int], None]
    pairs: list[tuple[int, float, float]]

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Starts the trial's clock."""
        self._done, self._since = trainer.global_step, time.perf_counter()

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Stops the clock while the loop trains as many batches as the trial has."""
        batches = trainer.global_step - self._done
        if batches:
            trial = time.perf_counter() - self._since
            start = time.perf_counter()
            Rival.loop(batches)
            Rival.pairs.append((batches, trial, time.perf_counter() - start))
            self._done, self._since = trainer.global_step, time.perf_counter()

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Counts the rest of the epoch."""
        with torch.enable_grad():
            self.on_train_batch_start(trainer, pl_module, None, 0)


def write_images(folder: Path, count: int) -> None:
    """Writes random images and labels as IDX files, like MNIST's."""
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (count, 28, 28), dtype=np.uint8)
    labels = generator.integers(0, 10, count, dtype=np.uint8)
    for name, array in (("images-idx3", images), ("labels-idx1", labels)):
        header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes()
        with gzip.open(folder / f"train-{name}-ubyte.gz", "wb", compresslevel=1) as file:
            file.write(header + array.tobytes())


def train_trial(task: Task, source: Path, epochs: int) -> None:
    """Runs a trial."""
    arguments = {"dropout": task.dropout} if task.model == "CNN" else {}
    with tempfile.TemporaryDirectory() as folder:
        job = Job(
            study="step",
            number=0,
            params={},
            config={
                "model": {"class_path": f"hpsearch.models.{task.model}", "init_args": arguments},
                "data": {
                    "class_path": "hpsearch.data.ImageData",
                    "init_args": {
                        "source": str(source),
                        "batch_size": task.batch_size,
                        "validation": VALIDATION,
                        "augment": AUGMENT if task.augment else None,
                    },
                },
                "optimizer": {"class_path": "torch.optim.Adam", "init_args": {"lr": 1e-3}},
                "trainer": {"max_epochs": epochs, "callbacks": [{"class_path": "__main__.Rival"}]},
            },
            objectives={"val_accuracy": "maximize"},
            study_seed=0,
            seed=0,
            folder=folder,
        )
        run_trial(job, _answer)


def _answer(message: Message) -> Decision | None:
    if isinstance(message, Ended) and message.how == "failed":
        raise SystemExit(f"{message.failure}\n{message.traceback}")
    return "continue" if isinstance(message, Report) else None


def loop_by_hand(task: Task) -> Callable[[int], None]:
    """Returns a function that trains a number of batches in a loop over tensors."""
    torch.manual_seed(0)
    images = torch.randn(task.images, 1, 28, 28)
    labels = torch.randint(0, 10, (task.images,))
    model = build(task)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    order = cycle(torch.randperm(task.images).split(task.batch_size))

    def train(batches: int) -> None:
        total = torch.zeros(())
        for index in islice(order, batches):
            batch = images[index]
            if task.augment:
                batch = moved(batch)
            optimizer.zero_grad()
            loss = functional.cross_entropy(model(batch), labels[index])
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(index)
        total.item()

    return train


def build(task: Task) -> nn.Module:
    """Returns the same architecture as hpsearch's model, without hpsearch and Lightning."""
    if task.model == "Softmax":
        return nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    if task.model == "MLP":
        return nn.Sequential(nn.Flatten(), nn.Linear(784, 50), nn.ReLU(), nn.Linear(50, 10))
    drop = [nn.Dropout(task.dropout)] if task.dropout else []
    blocks = [
        layer
        for before in (1, 16)
        for layer in (
            nn.Conv2d(before, 16, 5, padding="same"),
            nn.MaxPool2d(2),
            nn.ReLU(),
            *drop,
        )
    ]
    head = [nn.Flatten(), nn.Linear(784, 50), nn.ReLU(), *drop, nn.Linear(50, 10)]
    return nn.Sequential(*blocks, *head).to(memory_format=torch.channels_last)


def moved(images: Tensor) -> Tensor:
    """Returns the images, each rotated by up to 20 degrees and shifted by up to 5 %."""
    count = len(images)
    angle = (torch.rand(count) * 2 - 1) * (AUGMENT["rotate"] * torch.pi / 180)
    shift = (torch.rand(count, 2) * 2 - 1) * (2 * AUGMENT["shift"])
    cosine, sine = angle.cos(), angle.sin()
    rows = torch.stack((cosine, -sine, shift[:, 0], sine, cosine, shift[:, 1]), dim=1)
    grid = functional.affine_grid(rows.view(-1, 2, 3), list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, align_corners=False)


def race(name: str, task: Task, epochs: int) -> str:
    """Returns a row of the table: both rates and their ratio."""
    with tempfile.TemporaryDirectory() as folder:
        write_images(Path(folder), task.images + VALIDATION)
        Rival.loop = loop_by_hand(task)
        Rival.pairs = []
        train_trial(task, Path(folder), 1)  # the first run in a process pays for later ones
        Rival.pairs = []
        train_trial(task, Path(folder), epochs)
    trial = statistics.median(task.batch_size * n / own for n, own, _ in Rival.pairs)
    hand = statistics.median(task.batch_size * n / other for n, _, other in Rival.pairs)
    low, middle, high = statistics.quantiles([b / a for _, a, b in Rival.pairs], n=4)
    return f"{name:16} {trial:9,.0f} {hand:9,.0f}   {middle:.3f} ({low:.2f} to {high:.2f})"


def main() -> None:
    """Runs the named tasks, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tasks", nargs="*", metavar="TASK", help=", ".join(TASKS))
    parser.add_argument("--epochs", type=int, default=2)
    options: Any = parser.parse_args()
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    # Lightning sets this, which slows every optimizer step; the loop by hand must not have it.
    os.environ.pop("PYTORCH_NVML_BASED_CUDA_CHECK", None)
    print(f"torch {torch.__version__}, lightning {pl.__version__}, {os.cpu_count()} CPUs, 1 thread")
    print(f"{'':16} {'trial':>9} {'by hand':>9}   ratio (quartiles); images a second")
    for name in options.tasks or TASKS:
        print(race(name, TASKS[name], options.epochs), flush=True)


if __name__ == "__main__":
    main()
