"""Records what each process of a trial on several devices sees, and has in the end."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import tiny
import torch


class Watch(pl.Callback):
    """Writes `rank-N.json` into the trial's folder: its epochs' images, its weights, its devices.

    Args:
        kill: the rank that is killed in the second epoch, the first time it comes there.
        fail: the rank that fails there.
    """

    def __init__(self, kill: int | None = None, fail: int | None = None) -> None:
        self._kill = kill
        self._fail = fail
        self._epochs: list[list[str]] = []

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._epochs.append([])

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._epochs[-1] += [_name_of(row) for row in batch[0]]
        if trainer.current_epoch != 1 or batch_idx != 1:
            return
        if trainer.global_rank == self._fail:
            raise ValueError(f"rank {self._fail} was planned to fail")
        mark = Path(trainer.default_root_dir) / "killed"
        if trainer.global_rank == self._kill and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), 9)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        weights = torch.cat([weight.detach().flatten() for weight in pl_module.parameters()])
        seen = {
            "epochs": self._epochs,
            "weights": weights.tolist(),
            "world": trainer.world_size,
            "devices": os.environ["CUDA_VISIBLE_DEVICES"],
        }
        path = Path(trainer.default_root_dir) / f"rank-{trainer.global_rank}.json"
        path.write_text(json.dumps(seen))


def _name_of(row: torch.Tensor) -> str:
    return hashlib.sha256(row.numpy().tobytes()).hexdigest()[:16]


class Unsynced(tiny.TinyModel):
    """Logs a metric that is another one in each process."""

    def on_validation_epoch_end(self) -> None:
        self.log("rank", float(self.trainer.global_rank))
        self.log("epochs_done", float(self.current_epoch + 1))
