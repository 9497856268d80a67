"""A model that fails in the way its lot says, after a first epoch better than any other's."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

LOTS = 30
BEST_LOT = 17
# What goes wrong, by lot; the trials of all other lots are fine.
PLANS = {
    0: "hang in training",
    1: "loss is NaN",
    2: "raise while it is built",
    4: "raise torch's out of memory",
    5: "log no objective",
    7: "take all memory",
    8: "raise in the third batch",
    10: "raise in validation",
    11: "die of a signal",
    13: "hang in validation",
    14: "raise MemoryError",
    16: "loss is NaN",
    18: "raise at the end",
    19: "take all memory",
    20: "raise in the third batch",
    22: "raise in configure_optimizers",
    23: "loss is NaN",
    25: "raise in validation",
    26: "log no objective",
}


class Failing(pl.LightningModule):
    """Two weights, which are trained for the look of it: what is logged follows from the lot.

    Args:
        lot: which of the plans it has, 0 to 29.
        limited: a memory limit holds, so that taking all memory ends in a kill by the kernel; where
            none does, it says that memory is out.
    """

    def __init__(self, lot: int, limited: bool = True) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(2, 2)
        self._lot = lot
        self._plan = PLANS.get(lot, "")
        self._limited = limited
        self._hoard: list[Tensor] = []
        self._raise_if("raise while it is built")

    def configure_optimizers(self) -> Any:
        self._raise_if("raise in configure_optimizers")
        return torch.optim.SGD(self.parameters(), lr=0.1)

    def training_step(self, batch: Sequence[Tensor], batch_idx: int) -> Tensor:
        points, labels = batch
        loss = torch.nn.functional.cross_entropy(self.layer(points), labels)
        if self.current_epoch == 0:
            return loss
        if self._plan == "take all memory":
            self._take_more_memory()
        if batch_idx != 2:
            return loss
        match self._plan:
            case "raise in the third batch":
                raise ValueError("planned: raise in the third batch")
            case "hang in training":
                time.sleep(600)
            case "loss is NaN":
                return loss * torch.nan
            case "raise torch's out of memory":
                raise torch.OutOfMemoryError("CUDA out of memory")
            case "raise MemoryError":
                raise MemoryError
            case "die of a signal":
                os.kill(os.getpid(), signal.SIGSEGV)
        return loss

    def validation_step(self, batch: Sequence[Tensor], batch_idx: int) -> None:
        if self._plan == "log no objective":
            return
        if self.current_epoch > 0:
            self._raise_if("raise in validation")
            if self._plan == "hang in validation":
                time.sleep(600)
        self.log("val_loss", self._loss())

    def on_train_end(self) -> None:
        self._raise_if("raise at the end")

    def _loss(self) -> float:
        # Who counts a trial that failed later finds a better one than the best.
        return 0.001 if self._plan else 1 + abs(self._lot - BEST_LOT) / 100

    def _raise_if(self, plan: str) -> None:
        if self._plan == plan:
            raise ValueError(f"planned: {plan}")

    def _take_more_memory(self) -> None:
        """Takes 256 MB per batch: slowly, so that the trial does not seem to hang."""
        if not self._limited:
            raise MemoryError
        self._hoard.append(torch.ones(2**26))
