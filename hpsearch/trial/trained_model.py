"""A trained trial's model, with the weights of its best validation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytorch_lightning as pl
import torch

from hpsearch.errors import InputError
from hpsearch.protocol.job import Job
from hpsearch.trial.causes import one_line
from hpsearch.trial.lightning_namespace import in_namespace, namespace_of
from hpsearch.trial.loggers import tensorboard
from hpsearch.trial.saving import checkpoint
from hpsearch.trial.saving.model_checkpoint import ReadAsModelCheckpoint
from hpsearch.trial.speedups.overrides import overrides
from hpsearch.trial.trainer import build_trainer
from hpsearch.trial.training import build_data, build_module, prepare
from hpsearch.trial.validations import plain

_COMPILED = "_orig_mod."  # in the names of the weights of what torch.compile returns


class _Chosen(ReadAsModelCheckpoint):
    """What a module finds as `trainer.checkpoint_callback` after its training."""

    def __init__(self, best: Path) -> None:
        self.best_model_path = self.last_model_path = str(best)
        self.best_model_score = None
        self.dirpath = str(best.parent)


class _Optimizers(pl.Callback):
    """Gives a validation the optimizers and schedulers that it has within a training.

    Some modules log a learning rate there, or decide by it.
    """

    def __init__(self, best: Path) -> None:
        self._best = best

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Makes them as a training does, in the state of the best epoch."""
        try:
            trainer.strategy.setup_optimizers(trainer)
            kept = torch.load(self._best, map_location="cpu", weights_only=True, mmap=True)
            for optimizer, state in zip(trainer.optimizers, kept["optimizer_states"], strict=True):
                # Not its averages, which would take as much memory as a training.
                for group, saved in zip(optimizer.param_groups, state["param_groups"], strict=True):
                    group.update({key: each for key, each in saved.items() if key != "params"})
            schedulers = [config.scheduler for config in trainer.lr_scheduler_configs]
            for scheduler, state in zip(schedulers, kept["lr_schedulers"], strict=True):
                scheduler.load_state_dict(state)
        except Exception:
            # Most modules do not read them; a step that does will say what is missing.
            return


def load_trained_model(job: Job) -> tuple[pl.LightningModule, pl.LightningDataModule]:
    """Returns the job's module, on the CPU and ready to predict, and its data, set up to fit.

    Raises:
        InputError: the checkpoint is missing or has changed since it was written, the data cannot
            be loaded, or the weights do not fit the module.
    """
    path = find_best(job)
    try:
        module, data = build(job)
        _set_up(module, data, job)
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
    """Prepares this process for the job; returns its module, untrained, and its data, set up."""
    job = prepare(job)
    data = build_data(job)
    if data is not None:
        data.prepare_data()
        data.setup("fit")
    module = build_module(job, data)
    module.register_load_state_dict_pre_hook(_as_compiled)  # type: ignore[no-untyped-call]
    return module, data


def _as_compiled(module: Any, state: dict[str, Any], *_: Any) -> None:
    """Names weights as the module does, which may have compiled its layers for a training only."""
    own = {name.replace(_COMPILED, ""): name for name in module.state_dict()}
    for name in [*state]:
        weight = state.pop(name)
        state[own.get(name.replace(_COMPILED, ""), name)] = weight


def _set_up(module: pl.LightningModule, data: Any, job: Job) -> None:
    """Sets a module up as Lightning does before a training; some make their layers then.

    Args:
        module: the module as built; it gets a Trainer that knows the data.
        data: the data module, set up; None for a module with its own loaders.
        job: the trial.
    """
    arguments = {name: job.config["trainer"].get(name) for name in ("max_epochs", "max_steps")}
    given = {name: value for name, value in arguments.items() if value is not None}
    trainer = build_trainer(replace(job, device="cpu"), namespace_of(module), given, [], [])
    trainer.strategy.connect(module)
    trainer.state.fn = "fit"
    module.trainer = trainer
    if data is not None:
        trainer.datamodule, data.trainer = data, trainer
    module.prepare_data()
    module.setup("fit")
    module.configure_model()


def has_validation_loader(owner: Any) -> bool:
    """Returns whether a data module, or a module with its own loaders, loads validation data."""
    return overrides(owner, "val_dataloader")


def find_best(job: Job) -> Path:
    """Returns the checkpoint of the job's best validation.

    Raises:
        InputError: it is missing, or has changed since it was written.
    """
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


def evaluate(
    loop: Literal["validate", "test"],
    job: Job,
    module: Any,
    data: Any,
    best: Path,
    *callbacks: pl.Callback,
) -> dict[str, Any]:
    """Returns the metrics of a model in one of Lightning's loops, by name.

    Args:
        loop: which loop.
        job: the trial; its folder gets what the module draws.
        module: the module as built; its weights do not matter.
        data: the data module; None for a module with its own loaders.
        best: the checkpoint of the weights.
        *callbacks: watch the loop.
    """
    namespace = namespace_of(module)
    arguments = {key: value for key, value in job.config["trainer"].items() if key != "callbacks"}
    # A module may log figures here as well.
    board = tensorboard.build_logger(job, namespace, is_training=False)
    if loop == "validate":
        callbacks = (*callbacks, _Optimizers(best))
    ours = [*callbacks, in_namespace(_Chosen, namespace)(best)]
    trainer = build_trainer(job, namespace, arguments, ours, [board])
    run = getattr(trainer, loop)
    run(module, datamodule=data, ckpt_path=best, verbose=False, weights_only=True)
    return {name: plain(value) for name, value in trainer.callback_metrics.items()}
