"""The model of a trial that has been trained, with the weights of its best epoch."""

from __future__ import annotations

from pathlib import Path

import pytorch_lightning as pl
import torch

from hpsearch.errors import InputError
from hpsearch.protocol.job import Job
from hpsearch.trial import checkpoint
from hpsearch.trial.run import build_data, build_module, prepare


def load_trained(job: Job) -> tuple[pl.LightningModule, pl.LightningDataModule]:
    """Returns the job's module, on the CPU and ready to predict, and its data, set up to fit.

    Raises:
        InputError: the checkpoint is missing or has changed since it was written, or the data
            cannot be had.
    """
    prepare(job)
    path = Path(job.folder) / checkpoint.BEST
    if checkpoint.verified(path) is None:
        raise InputError(f"{path} is missing, or is not what was saved: its SHA-256 differs")
    try:
        data = build_data(job)
        data.prepare_data()
        data.setup("fit")
        module = build_module(job, data)
    except (ValueError, OSError) as error:
        raise InputError(f"trial {job.number} of {job.study}: {error}") from error
    state = torch.load(path, map_location="cpu", weights_only=True)
    module.load_state_dict(state["state_dict"])
    return module.eval(), data
