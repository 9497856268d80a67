"""A trained trial's model, with the weights of its best validation."""

from __future__ import annotations

from pathlib import Path

import pytorch_lightning as pl
import torch

from hpsearch.errors import InputError
from hpsearch.protocol.job import Job
from hpsearch.trial.causes import one_line
from hpsearch.trial.run import build_data, build_module, prepare
from hpsearch.trial.saving import checkpoint


def load_trained_model(job: Job) -> tuple[pl.LightningModule, pl.LightningDataModule]:
    """Returns the job's module, on the CPU and ready to predict, and its data, set up to fit.

    Raises:
        InputError: the checkpoint is missing or has changed since it was written, the data cannot
            be had, or the weights are not those of the module.
    """
    path = find_best(job)
    try:
        module, data = build(job)
        module.configure_model()
    except InputError:
        raise
    except (Exception, SystemExit) as error:
        said = error if isinstance(error, ValueError | OSError) else one_line(error)
        raise InputError(f"trial {job.number} of {job.study}: {said}") from error
    state = torch.load(path, map_location="cpu", weights_only=True)
    try:
        load_state(module, state)
    except (KeyError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise InputError(
            f"the weights in {path} do not fit {type(module).__name__}: {reason}"
        ) from (error)
    return module.eval(), data


def build(job: Job) -> tuple[pl.LightningModule, pl.LightningDataModule]:
    """Returns the job's module, untrained, and its data, set up to fit."""
    data = build_data(job)
    if data is not None:
        data.prepare_data()
        data.setup("fit")
    return build_module(job, data), data


def find_best(job: Job) -> Path:
    """Prepares this process for the job, and returns the checkpoint of its best validation.

    Raises:
        InputError: it is missing, or has changed since it was written.
    """
    prepare(job)
    path = Path(job.folder) / checkpoint.BEST
    if checkpoint.verified(path, job.owner) is None:
        raise InputError(
            f"{path} is missing, is not what was saved (its SHA-256 differs), or is of another"
            f" trial: see `hpsearch fsck {job.study}`"
        )
    return path


def load_state(module: pl.LightningModule, state: dict[str, object]) -> None:
    """Loads the weights of a checkpoint as Lightning does, including the module's own hooks."""
    module.on_load_checkpoint(state)
    module.load_state_dict(state["state_dict"], strict=module.strict_loading)  # type: ignore[arg-type]
