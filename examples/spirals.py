"""Two spirals: points in the plane, and a small network that tells them apart."""

from __future__ import annotations

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset, random_split


class SpiralData(pl.LightningDataModule):
    """1,200 noisy points on two spirals, 200 of them to validate on."""

    def __init__(self, batch_size: int = 32, noise: float = 0.1, split_seed: int = 0) -> None:
        super().__init__()
        self.batch_size = batch_size
        self.noise = noise
        self.split_seed = split_seed

    def setup(self, stage: str | None = None) -> None:
        """Draws the points; the same split seed draws and splits the same points."""
        generator = torch.Generator().manual_seed(self.split_seed)
        labels = torch.arange(1200) % 2
        radius = 0.2 + 0.8 * torch.rand(1200, generator=generator)
        angle = 3 * torch.pi * radius + torch.pi * labels
        points = radius * torch.stack((angle.cos(), angle.sin()))
        noise = self.noise * torch.randn(1200, 2, generator=generator)
        everything = TensorDataset(points.T + noise / 4, labels)
        self.training: Dataset[tuple[Tensor, ...]]
        self.validation: Dataset[tuple[Tensor, ...]]
        self.training, self.validation = random_split(everything, [1000, 200], generator)

    def train_dataloader(self) -> DataLoader[tuple[Tensor, ...]]:
        """Returns the training points, in a new order every epoch."""
        return DataLoader(self.training, self.batch_size, shuffle=True)

    def val_dataloader(self) -> DataLoader[tuple[Tensor, ...]]:
        """Returns the validation points."""
        return DataLoader(self.validation, batch_size=200)


class SpiralNet(pl.LightningModule):
    """Hidden layers of one width; says which spiral a point is on."""

    def __init__(
        self, width: int = 16, depth: int = 2, activation: str = "tanh", lr: float = 0.01
    ) -> None:
        super().__init__()
        self.lr = lr
        bend = {"tanh": nn.Tanh, "relu": nn.ReLU}[activation]
        hidden = [layer for _ in range(depth) for layer in (nn.LazyLinear(width), bend())]
        self.layers = nn.Sequential(*hidden, nn.LazyLinear(2))
        self.layers(torch.zeros(1, 2))  # the lazy layers take their sizes from this

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Returns the loss of a batch of points and labels."""
        points, labels = batch
        return nn.functional.cross_entropy(self.layers(points), labels)

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Logs what the study's objective names: val_accuracy."""
        points, labels = batch
        right = self.layers(points).argmax(dim=1) == labels
        self.log("val_accuracy", right.float().mean())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Returns Adam; a study file without an optimizer: section leaves it in force."""
        return torch.optim.Adam(self.parameters(), lr=self.lr)
