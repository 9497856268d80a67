"""The data: concatenated, split by a seeded generator, one set a stage."""

from typing import Any

import torch
from pytorch_lightning import LightningDataModule
from torch.utils.data import ConcatDataset, DataLoader, Dataset, TensorDataset, random_split


def digits(count: int, seed: int) -> Dataset[Any]:
    labels = torch.arange(count) % 3
    noise = torch.randn(count, 1, 4, 4, generator=torch.Generator().manual_seed(seed))
    return TensorDataset(noise + labels[:, None, None, None], labels)


class DigitsDataModule(LightningDataModule):
    def __init__(
        self,
        data_dir: str = "data/",
        train_val_test_split: tuple[int, int, int] = (36, 12, 12),
        batch_size: int = 12,
        num_workers: int = 0,
        pin_memory: bool = False,
    ) -> None:
        super().__init__()
        self.save_hyperparameters(logger=False)
        self.data_train: Any = None
        self.data_val: Any = None
        self.data_test: Any = None

    @property
    def num_classes(self) -> int:
        return 3

    def setup(self, stage: str | None = None) -> None:
        if not self.data_train:
            self.data_train, self.data_val, self.data_test = random_split(
                dataset=ConcatDataset(datasets=[digits(40, 0), digits(20, 1)]),
                lengths=self.hparams["train_val_test_split"],
                generator=torch.Generator().manual_seed(42),
            )

    def _loader(self, rows: Any, shuffle: bool) -> Any:
        return DataLoader(
            dataset=rows,
            batch_size=self.hparams["batch_size"],
            num_workers=self.hparams["num_workers"],
            pin_memory=self.hparams["pin_memory"],
            shuffle=shuffle,
        )

    def train_dataloader(self) -> Any:
        return self._loader(self.data_train, True)

    def val_dataloader(self) -> Any:
        return self._loader(self.data_val, False)

    def test_dataloader(self) -> Any:
        return self._loader(self.data_test, False)

    def teardown(self, stage: str | None = None) -> None:
        pass

    def state_dict(self) -> dict[Any, Any]:
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        pass
