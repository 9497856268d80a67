"""Manual optimization: two optimizers take turns, as in adversarial training."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset


class Adversaries(pl.LightningModule):
    """A generator of numbers and a critic of them, stepped by hand with gradients accumulated."""

    def __init__(self, latent: int = 2, lr: float = 0.01) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.automatic_optimization = False
        self.generator = nn.Sequential(nn.Linear(latent, 4), nn.Tanh(), nn.Linear(4, 2))
        self.critic = nn.Linear(2, 1)

    def forward(self, noise: Tensor) -> Tensor:
        made: Tensor = self.generator(noise)
        return made

    def training_step(self, batch: Any, batch_idx: int) -> None:
        real = batch[0]
        makers, critics = self.optimizers()  # type: ignore[misc,attr-defined]
        noise = torch.randn(len(real), self.hparams["latent"])
        critic_loss = self.critic(self(noise).detach()).mean() - self.critic(real).mean()
        critics.zero_grad()
        self.manual_backward(critic_loss)
        critics.step()
        loss = -self.critic(self(noise)).mean()
        makers.zero_grad()
        self.manual_backward(loss)
        makers.step()
        self.log("critic_loss", critic_loss, prog_bar=True)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        noise = torch.ones(len(batch[0]), self.hparams["latent"])
        self.log("val_distance", (self(noise) - batch[0]).square().mean())

    def test_step(self, batch: Any, batch_idx: int) -> None:
        self.log("test_distance", self(torch.ones(1, self.hparams["latent"])).square().mean())

    def configure_optimizers(self) -> Any:
        rate = self.hparams["lr"]
        return [
            torch.optim.Adam(self.generator.parameters(), lr=rate),
            torch.optim.SGD(self.critic.parameters(), lr=rate),
        ]


class Numbers(pl.LightningDataModule):
    """Sixty-four points about a centre."""

    def train_dataloader(self) -> Any:
        points = torch.randn(64, 2, generator=torch.Generator().manual_seed(0)) + 1
        return DataLoader(TensorDataset(points), 16, shuffle=True)

    val_dataloader = test_dataloader = train_dataloader
