"""A LightningModule and its loaders as in Lightning's and torchvision's documentation."""

from __future__ import annotations

from typing import Any

import lightning as pl
import torch
from cycle import one_cycle
from networks import build
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, Subset
from torchvision import transforms
from torchvision.datasets import MNIST
from work import ROTATE, SHIFT, Work, read_split


class Module(pl.LightningModule):
    """A classifier that logs its loss after each step and its accuracy after each epoch."""

    def __init__(self, work: Work, lr: float, network: nn.Module | None = None) -> None:
        super().__init__()
        self.model = network or build(work.task)
        self.lr = lr
        self.cycle = work.cycle

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

    def configure_optimizers(self) -> Any:
        """Returns Adam, with a schedule if the work has one."""
        optimizer = torch.optim.Adam(self.parameters(), lr=self.lr)
        if not self.cycle:
            return optimizer
        steps = int(self.trainer.estimated_stepping_batches)
        schedule = {"scheduler": one_cycle(optimizer, self.lr, steps), "interval": "step"}
        return {"optimizer": optimizer, "lr_scheduler": schedule}


def loaders(work: Work) -> tuple[DataLoader, DataLoader]:
    """Returns the training and validation loaders, without workers, which is fastest here."""
    plain = transforms.ToTensor()
    moving = [transforms.RandomAffine(ROTATE, translate=(SHIFT, SHIFT))] * work.task.augment
    used, kept = read_split(work)
    training = Subset(
        MNIST(work.data, transform=transforms.Compose([*moving, plain])), used.tolist()
    )
    validation = Subset(MNIST(work.data, transform=plain), kept.tolist())
    return (
        DataLoader(training, batch_size=work.task.batch_size, shuffle=True),
        DataLoader(validation, batch_size=1000),
    )


def train(work: Work, lr: float, **trainer: object) -> float:
    """Trains once and returns the last validation accuracy."""
    training, validation = loaders(work)
    module = Module(work, lr)
    fitter = pl.Trainer(
        max_epochs=work.epochs, accelerator="cpu", default_root_dir=work.folder, **trainer
    )
    fitter.fit(module, training, validation)
    return float(fitter.callback_metrics["val_accuracy"])
