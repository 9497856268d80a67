"""A variational autoencoder that draws its reconstructions on its logger while it validates."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset


class Vae(pl.LightningModule):
    """Pictures of eight by eight pixels through a few numbers, and back."""

    def __init__(self, latent: int = 2, lr: float = 1e-3) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.encoder, self.decoder = nn.Linear(64, 2 * latent), nn.Linear(latent, 64)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean, spread = self.encoder(pictures.flatten(1)).chunk(2, dim=1)
        noise = torch.randn_like(mean) if self.training else torch.zeros_like(mean)
        drawn = self.decoder(mean + noise * spread.exp()).sigmoid()
        return drawn.view_as(pictures), mean, spread

    def _loss(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        drawn, mean, spread = self(pictures)
        divergence = (mean.square() + spread.exp().square() - 2 * spread - 1).mean()
        return (drawn - pictures).square().mean() + 0.01 * divergence, drawn

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        loss, _ = self._loss(batch[0])
        self.log("train/loss", loss, on_step=True, on_epoch=True)
        return loss

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        loss, drawn = self._loss(batch[0])
        if batch_idx == 0:
            self.logger.experiment.add_images("drawn", drawn[:2], self.global_step)
        self.log("val/loss", loss)

    def test_step(self, batch: Any, batch_idx: int) -> None:
        loss, drawn = self._loss(batch[0])
        self.logger.experiment.add_images("tested", drawn[:2])
        self.log("test/loss", loss)

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.Adam(self.parameters(), lr=self.hparams["lr"])
        schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=1)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "monitor": "val/loss"},
        }


class Pictures(pl.LightningDataModule):
    """Bright squares at two places."""

    def train_dataloader(self) -> Any:
        pictures = torch.zeros(48, 1, 8, 8)
        pictures[:24, :, :4, :4] = pictures[24:, :, 4:, 4:] = 1.0
        return DataLoader(TensorDataset(pictures), 12, shuffle=True)

    val_dataloader = test_dataloader = train_dataloader
