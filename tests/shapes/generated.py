"""Modules and study files drawn by chance: most have a fault, some have two."""

from __future__ import annotations

import random
from typing import Any

import callbacks
import feeding
from torch import Tensor

CALLBACKS = "pytorch_lightning.callbacks."
LOGGERS = "pytorch_lightning.loggers."
PLANS = ("", "", "", "late", "sometimes", "never")
FAULTS = ("", "", "", "constructor", "training", "validation", "epoch end", "train end", "forward")
TRAINERS: tuple[dict[str, Any], ...] = (
    {},
    {"max_epochs": 2},
    {"check_val_every_n_epoch": 2},
    {"check_val_every_n_epoch": 9},
    {"val_check_interval": 0.5},
    {"val_check_interval": 2},
    {"val_check_interval": 99},
    {"max_epochs": -1, "max_steps": 9, "val_check_interval": 3, "check_val_every_n_epoch": None},
    {"max_epochs": -1, "max_steps": 2, "val_check_interval": 3, "check_val_every_n_epoch": None},
    {"limit_val_batches": 0},
    {"num_sanity_val_steps": 1},
    {"min_epochs": 2},
    {"accumulate_grad_batches": 2},
    {"gradient_clip_val": 1.0},
)
ATTACHED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("EarlyStopping", {"monitor": "val_loss"}),
    ("EarlyStopping", {"monitor": "val_los"}),
    ("EarlyStopping", {"monitor": "val_los", "strict": False}),
    ("EarlyStopping", {"monitor": "val_loss", "mode": "up"}),
    ("ModelCheckpoint", {"monitor": "val_loss"}),
    ("ModelCheckpoint", {"monitor": "val_acc"}),
    ("RichProgressBar", {}),
    ("LearningRateMonitor", {}),
    ("ModelSummary", {}),
)
WRITERS: tuple[Any, ...] = (
    None,
    None,
    True,
    {"class_path": LOGGERS + "CSVLogger", "init_args": {"save_dir": "csv"}},
    {"class_path": LOGGERS + "CometLogger"},
)


class Generated(feeding.Fed):
    """A network that fails where asked.

    Args:
        fault: where, one of FAULTS.
        plan: when it logs its objective, as `Fed` has it.
    """

    def __init__(self, fault: str = "", plan: str = "") -> None:
        super().__init__(plan=plan)
        self.fault = fault
        self._fail("constructor")

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        self._fail("training")
        return super().training_step(batch, batch_idx)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self._fail("validation")
        super().validation_step(batch, batch_idx)

    def on_train_epoch_end(self) -> None:
        self._fail("epoch end")

    def on_train_end(self) -> None:
        self._fail("train end")

    def forward(self, *_: Any) -> Tensor:
        # Nothing calls it: a fault that is none.
        raise NotImplementedError

    def _fail(self, where: str) -> None:
        if self.fault == where:
            raise KeyError(f"planned to fail: {where}")


class Kept(Generated):
    """Saves an object of its own, and needs it back."""

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["colour"] = callbacks.Colour.RED


def draw(seed: int) -> dict[str, Any]:
    """Returns the sections of a study file, drawn by chance."""
    chance = random.Random(seed)
    trainer = {"max_epochs": 3, **chance.choice(TRAINERS)}
    attached = chance.sample(ATTACHED, chance.choice((0, 0, 1, 2)))
    if attached:
        trainer["callbacks"] = [
            {"class_path": CALLBACKS + name, "init_args": arguments} for name, arguments in attached
        ]
    if (writer := chance.choice(WRITERS)) is not None:
        trainer["logger"] = writer
    model = {"fault": chance.choice(FAULTS), "plan": chance.choice(PLANS)}
    endless = trainer["max_epochs"] == -1
    feed = {"kind": chance.choice(("shuffled", "endless" if endless else "stream", "generator"))}
    feed["validated"] = chance.random() < 0.9
    return {
        "model": {
            "class_path": chance.choice(("generated.Generated", "generated.Kept")),
            "init_args": model,
        },
        "data": {"class_path": "feeding.Feed", "init_args": feed},
        "trainer": trainer,
    }
