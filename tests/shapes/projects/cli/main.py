"""A repository that is run by LightningCLI: `python main.py fit --config config.yaml`."""

from typing import Any

import torch
from pytorch_lightning import LightningDataModule, LightningModule
from pytorch_lightning.cli import LightningCLI
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset


class Rows(LightningDataModule):
    def __init__(self, features: int = 3, batch_size: int = 8, shift: float | None = None) -> None:
        super().__init__()
        self.save_hyperparameters()

    def _loader(self, seed: int, shuffle: bool) -> Any:
        rows = torch.randn(
            32, self.hparams["features"], generator=torch.Generator().manual_seed(seed)
        )
        targets = rows.sum(1, keepdim=True) + (self.hparams["shift"] or 0.0)
        return DataLoader(TensorDataset(rows, targets), self.hparams["batch_size"], shuffle=shuffle)

    def train_dataloader(self) -> Any:
        return self._loader(0, True)

    def val_dataloader(self) -> Any:
        return self._loader(1, False)

    def test_dataloader(self) -> Any:
        return self._loader(2, False)


class Regressor(LightningModule):
    def __init__(
        self, in_features: int, encoder: nn.Module, loss: nn.Module | None = None, lr: float = 0.01
    ) -> None:
        super().__init__()
        self.save_hyperparameters(ignore=["encoder", "loss"])
        self.encoder, self.loss = encoder, loss or nn.MSELoss()
        self.head = nn.LazyLinear(1) if in_features < 1 else nn.Linear(in_features, 1)

    def forward(self, rows: Tensor) -> Tensor:
        guesses: Tensor = self.head(self.encoder(rows))
        return guesses

    def _loss(self, batch: Any) -> Tensor:
        loss: Tensor = self.loss(self(batch[0]), batch[1])
        return loss

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return self._loss(batch)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("val_loss", self._loss(batch))

    def test_step(self, batch: Any, batch_idx: int) -> None:
        self.log("test_loss", self._loss(batch))


class MyCLI(LightningCLI):
    def add_arguments_to_parser(self, parser: Any) -> None:
        parser.link_arguments("data.features", "model.in_features")
        parser.link_arguments("data.features", "model.encoder.init_args.normalized_shape")


def cli_main() -> None:
    MyCLI(Regressor, Rows, save_config_kwargs={"overwrite": True})


if __name__ == "__main__":
    cli_main()
