"""Optuna with an expert's own training loop: tensors, channels_last, fused Adam."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import NamedTuple

import optuna
import torch
from cycle import one_cycle
from networks import build, moved
from torch import Tensor, nn
from torch.nn import functional
from work import ROTATE, Work, read_arrays, read_split, read_work, say


class Data(NamedTuple):
    """Images, float `(N, 1, 28, 28)`, and labels, loaded once for all trials.

    Training images are pixels from 0 to 1 if they are augmented, and normalised otherwise.
    """

    images: Tensor
    labels: Tensor
    kept_images: Tensor
    kept_labels: Tensor
    centre: Tensor
    spread: Tensor


def load(work: Work) -> Data:
    """Reads and splits the images."""
    images, labels = (torch.from_numpy(array.copy()) for array in read_arrays(work))
    pixels, labels = images.unsqueeze(1).float().div_(255), labels.long()
    spread, centre = torch.std_mean(pixels[:5000])
    normalised = (pixels - centre) / spread
    used, kept = map(torch.from_numpy, read_split(work))
    training = (pixels if work.task.augment else normalised)[used]
    return Data(training, labels[used], normalised[kept], labels[kept], centre, spread)


def train(work: Work, data: Data, lr: float, network: nn.Module | None = None) -> Iterator[float]:
    """Trains once and yields the validation accuracy after each epoch.

    Args:
        work: the task and the number of epochs.
        data: the images to train and validate on.
        lr: Adam's learning rate, or the peak of its cycle.
        network: the network to train, if not the task's own.
    """
    task = work.task
    model = (network or build(task)).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=lr, weight_decay=task.weight_decay, fused=True
    )
    steps = work.epochs * math.ceil(len(data.labels) / task.batch_size)
    schedule = one_cycle(optimizer, lr, steps) if work.cycle else None
    for _ in range(work.epochs):
        model.train()
        total = torch.zeros(())
        for index in torch.randperm(len(data.labels)).split(task.batch_size):
            batch = data.images[index]
            if task.augment:
                batch = moved(batch, ROTATE, task.shift).sub_(data.centre).div_(data.spread)
            optimizer.zero_grad()
            loss = functional.cross_entropy(model(batch), data.labels[index])
            loss.backward()
            optimizer.step()
            if schedule:
                schedule.step()
            total += loss.detach()
        yield evaluate(model, data.kept_images, data.kept_labels)


@torch.inference_mode()
def evaluate(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Returns the share of images that are classified correctly."""
    model.eval()
    right = [
        (model(some).argmax(1) == wanted).sum()
        for some, wanted in zip(images.split(1000), labels.split(1000), strict=True)
    ]
    return float(sum(right)) / len(labels)


if __name__ == "__main__":
    work = read_work()
    data = load(work)
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
        *_, accuracy = train(work, data, lr)
        values.append(accuracy)
        seconds.append(time.perf_counter() - start)
        return values[-1]

    study.optimize(objective, n_trials=len(work.own_rates))
    say(accuracies=values, seconds=seconds)
