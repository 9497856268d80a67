"""A resumed module trains what an uninterrupted one trains, whatever is frozen by then."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import feeding
import pytest
import pytorch_lightning as pl
import torch
from desk import fed, run, weights
from pytorch_lightning.callbacks import BaseFinetuning
from torch import Tensor, nn

from hpsearch.protocol.job import Job


class UnfreezesAt(BaseFinetuning):
    """Freezes the first layer, until an epoch."""

    def __init__(self, epoch: int) -> None:
        super().__init__()
        self.epoch = epoch

    def freeze_before_training(self, pl_module: pl.LightningModule) -> None:
        self.freeze(pl_module.net[0])

    def finetune_function(self, pl_module: Any, epoch: int, optimizer: Any) -> None:
        if epoch == self.epoch:
            self.unfreeze_and_add_param_group(pl_module.net[0], optimizer)


class Tuned(feeding.Fed):
    """Is unfrozen by a callback of its own after the first epoch."""

    def configure_callbacks(self) -> list[pl.Callback]:
        return [UnfreezesAt(1)]

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD([each for each in self.parameters() if each.requires_grad], 0.1)


class Thawing(feeding.Fed):
    """Unfreezes itself at the end of the first epoch, with a normalization and its dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(2)

    def on_train_start(self) -> None:
        self._set(trains=False)

    def on_train_epoch_end(self) -> None:
        self._set(trains=True)

    def _set(self, *, trains: bool) -> None:
        for part in (self.norm, self.net[0], self.net[2]):
            part.train(trains).requires_grad_(trains)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return super().training_step((self.norm(batch[0]), batch[1]), batch_idx)


def trial(folder: Path, model: str, **trainer: Any) -> Job:
    return fed(folder, f"{__name__}.{model}", **trainer)


@pytest.mark.parametrize(
    ("after", "trainer"), [(2, {}), (3, {"val_check_interval": 0.5})], ids=["epoch", "within"]
)
@pytest.mark.parametrize("model", ["Tuned", "Thawing"])
def test_what_was_unfrozen_trains_on(
    tmp_path: Path, model: str, after: int, trainer: dict[str, Any]
) -> None:
    run(trial(tmp_path / "whole", model, **trainer))
    parts = trial(tmp_path / "parts", model, **trainer)
    run(parts, {after: "stop"})
    run(parts)
    wanted, got = weights(tmp_path / "whole/last.ckpt"), weights(tmp_path / "parts/last.ckpt")
    assert all(torch.equal(wanted[key], got[key]) for key in wanted)
