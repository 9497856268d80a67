"""A module with loaders of its own: there is no data module."""

from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset, random_split


class LitAutoEncoder(pl.LightningModule):
    def __init__(self, hidden_dim: int = 4, learning_rate: float = 1e-2, batch_size: int = 8):
        super().__init__()
        self.save_hyperparameters()
        self.encoder = nn.Sequential(nn.Linear(9, hidden_dim), nn.ReLU())
        self.decoder = nn.Linear(hidden_dim, 9)

    def forward(self, x: Tensor) -> Tensor:
        drawn: Tensor = self.decoder(self.encoder(x))
        return drawn

    def prepare_data(self) -> None:
        pass

    def setup(self, stage: str) -> None:
        rows = torch.randn(48, 9, generator=torch.Generator().manual_seed(5))
        self.train_rows, self.val_rows = random_split(TensorDataset(rows), [36, 12])

    def train_dataloader(self) -> Any:
        return DataLoader(self.train_rows, self.hparams["batch_size"], shuffle=True)

    def val_dataloader(self) -> Any:
        return DataLoader(self.val_rows, self.hparams["batch_size"])

    def test_dataloader(self) -> Any:
        return self.val_dataloader()

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return self._prepare_batch(batch, batch_idx, "train")

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self._prepare_batch(batch, batch_idx, "val")

    def test_step(self, batch: Any, batch_idx: int) -> None:
        self._prepare_batch(batch, batch_idx, "test")

    def _prepare_batch(self, batch: Any, batch_idx: int, stage: str) -> Tensor:
        (x,) = batch
        loss = nn.functional.mse_loss(self(x), x)
        self.log(f"{stage}_loss", loss, on_step=stage == "train", on_epoch=True)
        return loss

    def configure_optimizers(self) -> Any:
        return torch.optim.AdamW(self.parameters(), lr=self.hparams["learning_rate"])
