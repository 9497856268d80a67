"""What people's modules expect of their Trainer: its logger, checkpoint, data, callbacks."""

from __future__ import annotations

from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any

import feeding
import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor


class Asking(feeding.Fed):
    """Draws on its logger, looks at its data module, brings a callback, asks for the best model."""

    def configure_callbacks(self) -> list[pl.Callback]:
        return [pl.callbacks.LearningRateMonitor()]

    def on_fit_start(self) -> None:
        assert self.trainer.datamodule.kind, "the data module is known to the Trainer"

    def on_validation_epoch_end(self) -> None:
        super().on_validation_epoch_end()
        weight = next(self.net.parameters())
        self.logger.experiment.add_histogram("weights", weight, self.current_epoch)

    def test_step(self, batch: Any, batch_idx: int) -> None:
        loss = torch.nn.functional.cross_entropy(self.net(batch[0]), batch[1])
        self.log("test_loss", loss)
        self.logger.experiment.add_histogram("test", loss, 0)
        assert Path(self.trainer.checkpoint_callback.best_model_path).name == "best.ckpt"

    def on_train_end(self) -> None:
        best = self.trainer.checkpoint_callback.best_model_path
        assert best
        torch.load(best, weights_only=True)
        kept = self.trainer.checkpoint_callback
        assert kept.best_k_models == {best: kept.best_model_score}
        assert (kept.kth_best_model_path, kept.kth_value) == (best, kept.best_model_score)


class Colour(Enum):
    RED = "red"


class Hoarding(feeding.Fed):
    """Keeps among its hyperparameters what cannot be read back as plain data."""

    def __init__(self, net: Any = None, lr: float = 0.05) -> None:
        super().__init__(lr=lr)
        optimizer, colour, scale = partial(torch.optim.Adam, lr=lr), Colour.RED, np.float64(2)
        weights = np.ones(3)
        folder = Path("somewhere")
        self.save_hyperparameters()
        self.hparams.update(
            {"optimizer": optimizer, "colour": colour, "scale": scale, "weights": weights}
        )
        self.hparams.update({"folder": folder, "net": torch.nn.Linear(1, 1), "sizes": [1, 2]})

    def test_step(self, batch: Any, batch_idx: int) -> None:
        self.log("test_loss", torch.nn.functional.cross_entropy(self.net(batch[0]), batch[1]))

    def forward(self, points: Tensor) -> Tensor:
        scores: Tensor = self.net(points)
        return scores


class Testable(feeding.Feed):
    """Has a test split as well."""

    def test_dataloader(self) -> Any:
        return self.val_dataloader()


class Keeping(feeding.Fed):
    """Saves an object of its own with its checkpoint, and needs it back."""

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["colour"] = Colour.RED

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.colour = checkpoint.get("colour", Colour.RED)


class OfMappings(feeding.Fed):
    """Its batches are mappings, its forward takes two of their parts by name and gives two."""

    def forward(self, points: Tensor, scale: Tensor) -> dict[str, Tensor]:
        scores = self.net(points) * scale[:, None]
        return {"scores": scores, "norm": scores.norm(dim=1)}

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        scores = self(batch["points"], batch["scale"])["scores"]
        return torch.nn.functional.cross_entropy(scores, batch["labels"])

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("val_loss", self.training_step(batch, batch_idx))

    def test_step(self, batch: Any, batch_idx: int) -> None:
        self.log("test_loss", self.training_step(batch, batch_idx))


class OfWholeMappings(OfMappings):
    """Its forward takes the whole batch."""

    def forward(self, batch: dict[str, Tensor]) -> Tensor:  # type: ignore[override]
        scores: Tensor = self.net(batch["points"]) * batch["scale"][:, None]
        return scores

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return torch.nn.functional.cross_entropy(self(batch), batch["labels"])


class Mappings(pl.LightningDataModule):
    """The rows as mappings, within a tuple if asked for."""

    def __init__(self, nested: bool = False) -> None:
        super().__init__()
        self.nested = nested

    def train_dataloader(self) -> Any:
        points, labels = feeding.rows()
        rows = [
            {"labels": label, "points": point, "scale": torch.tensor(2.0)}
            for point, label in zip(points, labels, strict=True)
        ]
        if self.nested:
            rows = [(row, 0) for row in rows]  # type: ignore[misc]
        return torch.utils.data.DataLoader(rows, 8)  # type: ignore[arg-type]

    val_dataloader = test_dataloader = train_dataloader
