"""What an exception does not say: what to write today, and how a text becomes a path."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
import torchmetrics

from hpsearch.classes.advice import advice_on


class Old(pl.LightningModule):
    """Sets what Lightning sets."""

    def __init__(self, name: str) -> None:
        super().__init__()
        setattr(self, name, {"lr": 0.1})


def run(code: str) -> None:
    exec(code, {})


@pytest.mark.parametrize(
    ("old", "advice"),
    [
        (lambda: Old("hparams"), r"write self.save_hyperparameters\(hparams\) in place of"),
        (lambda: Old("device"), "Lightning sets self.device"),
        (lambda: pl.EvalResult, r'write self.log\("val_loss", loss\)'),
        (lambda: pl.data_loader, "train_dataloader or val_dataloader without a decorator"),
        (lambda: pl.metrics, "write torchmetrics"),
        (lambda: run("import pytorch_lightning.metrics"), "write torchmetrics"),
        (lambda: run("import pytorch_lightning.utilities.cli"), "write pytorch_lightning.cli"),
        (lambda: run("import pytorch_lightning.core.lightning"), "import LightningModule"),
        (lambda: run("import pytorch_lightning.utilities.distributed"), "_lightning.utilities"),
        (
            lambda: run("from pytorch_lightning.loggers import LightningLoggerBase"),
            "write Logger",
        ),
        (lambda: pl.Trainer(gpus=1), "trials have a Trainer of their own"),
        (lambda: pl.Trainer.from_argparse_args, "trials have a Trainer of their own"),
        (lambda: torchmetrics.Accuracy(), 'write task="multiclass", num_classes=NUMBER'),
        (lambda: torchmetrics.functional.accuracy([], []), 'write task="multiclass"'),
        (
            lambda: torch.optim.lr_scheduler.StepLR(
                torch.optim.SGD([torch.ones(1)], 0.1), 1, verbose=True
            ),
            "leave verbose out",
        ),
        (lambda: run("'data' / 'train.csv'"), r"write {class_path: pathlib\.Path"),
        (lambda: run("'data'.glob('*.csv')"), r"the type Path"),
    ],
)
def test_what_cannot_work_is_answered_by_what_to_write(old: Callable[[], Any], advice: str) -> None:
    with pytest.raises((AttributeError, ImportError, TypeError)) as caught:
        old()
    assert re.search(advice, advice_on(str(caught.value))), str(caught.value)


def test_another_mistake_is_left_alone() -> None:
    assert advice_on("'Net' object has no attribute 'lr'") == ""
