"""The confusion matrix of the best epoch, kept in the trial's folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytorch_lightning as pl

from hpsearch.models.base import AbstractClassifier

CONFUSION = "confusion.json"


def write_confusion(trainer: pl.Trainer, module: pl.LightningModule, folder: Path) -> None:
    """Writes the confusion matrix that one of our classifiers counted, with the class names.

    Writes nothing for a module of the user's own, whose methods may mean something else.
    """
    if not isinstance(module, AbstractClassifier) or not (counts := module.confusion()):
        return
    if not trainer.is_global_zero:
        return
    names = getattr(getattr(trainer, "datamodule", None), "class_names", ())
    beside = folder / f"{CONFUSION}.tmp"
    beside.write_text(json.dumps({"classes": list(names), "confusion": counts}), encoding="utf-8")
    beside.replace(folder / CONFUSION)
