"""Which class the best epoch takes for which, kept in the trial's folder."""

from __future__ import annotations

import inspect
import json
from pathlib import Path

import pytorch_lightning as pl

CONFUSION = "confusion.json"


def write_confusion(trainer: pl.Trainer, module: pl.LightningModule, folder: Path) -> None:
    """Writes what the module's method `confusion` counted, with the names of the classes.

    Nothing is written for a module that has no such method or has counted nothing.
    """
    method = getattr(module, "confusion", None)
    # A metric that is kept under this name is an object, and cannot be called without arguments.
    counts = method() if inspect.ismethod(method) else []
    if not counts:
        return
    names = getattr(getattr(trainer, "datamodule", None), "class_names", ())
    beside = folder / f"{CONFUSION}.tmp"
    beside.write_text(json.dumps({"classes": list(names), "confusion": counts}))
    beside.replace(folder / CONFUSION)
