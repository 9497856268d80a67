"""A time series: windows are cut in `setup`, a recurrent network forecasts the next value."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset


class Windows(Dataset[tuple[Tensor, Tensor]]):
    """Each window of a series, with the value that follows it."""

    def __init__(self, series: Tensor, length: int) -> None:
        self._series, self._length = series, length

    def __len__(self) -> int:
        return len(self._series) - self._length

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        end = index + self._length
        return self._series[index:end, None], self._series[end]


class Waves(pl.LightningDataModule):
    """A noisy wave, cut by time into training, validation and test."""

    def __init__(self, window: int = 8, batch_size: int = 16) -> None:
        super().__init__()
        self.save_hyperparameters()

    def setup(self, stage: str | None = None) -> None:
        time = torch.arange(160.0)
        wave = time.div(5).sin() + 0.1 * torch.randn(
            160, generator=torch.Generator().manual_seed(1)
        )
        mean, deviation = wave[:96].mean(), wave[:96].std()
        self.parts = [(part - mean) / deviation for part in (wave[:96], wave[96:128], wave[128:])]

    def _loader(self, part: int, *, shuffle: bool = False) -> Any:
        windows = Windows(self.parts[part], self.hparams["window"])
        return DataLoader(windows, self.hparams["batch_size"], shuffle=shuffle, drop_last=shuffle)

    def train_dataloader(self) -> Any:
        return self._loader(0, shuffle=True)

    def val_dataloader(self) -> Any:
        return self._loader(1)

    def test_dataloader(self) -> Any:
        return self._loader(2)


class Forecaster(pl.LightningModule):
    """A GRU with a linear head, clipped and scheduled by steps."""

    def __init__(self, hidden: int = 4, lr: float = 0.01) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.memory = nn.GRU(1, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 1)

    def forward(self, windows: Tensor) -> Tensor:
        states, _ = self.memory(windows)
        forecast: Tensor = self.head(states[:, -1]).squeeze(1)
        return forecast

    def _error(self, batch: Any) -> Tensor:
        return (self(batch[0]) - batch[1]).square().mean()

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return self._error(batch)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("val_mse", self._error(batch), prog_bar=True)

    def test_step(self, batch: Any, batch_idx: int) -> None:
        self.log("test_mse", self._error(batch))

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.AdamW(self.parameters(), lr=self.hparams["lr"])
        total = int(self.trainer.estimated_stepping_batches)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.05, total_steps=total)
        return [optimizer], [{"scheduler": schedule, "interval": "step"}]
