"""A LightningModule and its loaders as Lightning's and torchvision's documentation write them."""

from __future__ import annotations

import lightning as pl
import torch
from networks import build
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset, random_split
from torchvision import transforms
from torchvision.datasets import MNIST
from work import ROTATE, SHIFT, Task, Work


class Module(pl.LightningModule):
    """A classifier that logs its loss after each step and its accuracy after each epoch."""

    def __init__(self, task: Task, lr: float, network: nn.Module | None = None) -> None:
        super().__init__()
        self.model = network or build(task)
        self.lr = lr

    def training_step(self, batch: list[torch.Tensor], batch_idx: int) -> torch.Tensor:
        """Returns the loss of a batch."""
        images, labels = batch
        loss = functional.cross_entropy(self.model(images), labels)
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch: list[torch.Tensor], batch_idx: int) -> None:
        """Logs the accuracy of a batch."""
        images, labels = batch
        accuracy = (self.model(images).argmax(1) == labels).float().mean()
        self.log("val_accuracy", accuracy, prog_bar=True)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Returns Adam."""
        return torch.optim.Adam(self.parameters(), lr=self.lr)


def loaders(work: Work) -> tuple[DataLoader, DataLoader]:
    """Returns the training and the validation loader, without workers: their best setting here."""
    plain = transforms.ToTensor()
    moving = [transforms.RandomAffine(ROTATE, translate=(SHIFT, SHIFT))] * work.task.augment
    training = _part(work, MNIST(work.data, transform=transforms.Compose([*moving, plain])), 0)
    validation = _part(work, MNIST(work.data, transform=plain), 1)
    return (
        DataLoader(training, batch_size=work.task.batch_size, shuffle=True),
        DataLoader(validation, batch_size=1000),
    )


def _part(work: Work, images: Dataset, which: int) -> Dataset:
    sizes = [len(images) - work.validation, work.validation]
    return random_split(images, sizes, generator=torch.Generator().manual_seed(0))[which]


def train(work: Work, lr: float, **trainer: object) -> float:
    """Trains once and returns the last validation accuracy."""
    training, validation = loaders(work)
    module = Module(work.task, lr)
    fitter = pl.Trainer(
        max_epochs=work.epochs, accelerator="cpu", default_root_dir=work.folder, **trainer
    )
    fitter.fit(module, training, validation)
    return float(fitter.callback_metrics["val_accuracy"])
