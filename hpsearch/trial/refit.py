"""The final training of a chosen setting, on training and validation images together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Checkpoint

from hpsearch.classes.binding import instantiate
from hpsearch.data.test_access import keep_test_split_closed
from hpsearch.protocol.job import Job
from hpsearch.studyfile.yaml_text import to_yaml
from hpsearch.trial.causes import whole_line
from hpsearch.trial.lightning_namespace import in_namespace, namespace_of
from hpsearch.trial.saving import checkpoint
from hpsearch.trial.seeding import ReseedEachEpoch, seed_all
from hpsearch.trial.speedups.multi_step import enable_multi_step
from hpsearch.trial.speedups.multi_step_support import multi_step_blocker
from hpsearch.trial.speedups.speed import accelerate
from hpsearch.trial.trainer import build_callbacks, build_trainer
from hpsearch.trial.training import build_data, build_module, prepare
from hpsearch.trial.validations import averaging_passes

RECIPE = "recipe.yaml"


class NoRefitError(Exception):
    """The data module cannot train on training and validation data together."""


class _SaveAndStop(Checkpoint):
    """Saves the state after every epoch, and stops after the confirmed epoch.

    The schedule is still that of the full number of epochs, as in the confirmed runs.

    Args:
        path: of the checkpoint.
        epochs: to train.
        longest: the full number of epochs.
    """

    def __init__(self, path: Path, epochs: int, longest: int | None) -> None:
        self._path = path
        self._epochs = epochs
        self._longest = longest

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        whole = self._epochs == self._longest
        more = averaging_passes(trainer, self._longest) if whole else 0
        done = trainer.current_epoch + 1 - more
        checkpoint.save(trainer, self._path, done)
        trainer.should_stop |= done >= self._epochs


@keep_test_split_closed()
def refit(job: Job, epochs: int) -> dict[str, Any]:
    """Trains the job's model on all but the test split, or continues from its last checkpoint.

    Args:
        job: the setting, its seed, and the folder for the model.
        epochs: how many epochs to train; fixed in advance, since nothing is validated.

    Returns:
        `checkpoint` (path) and `epochs`; or `failure`, one line.
    """
    try:
        return _refit(job, epochs)
    except Exception as error:
        return {"failure": whole_line(error)}


def _refit(job: Job, epochs: int) -> dict[str, Any]:
    last, best = (Path(job.folder) / name for name in (checkpoint.LAST, checkpoint.BEST))
    _drop_other_recipe(job, epochs)
    done = checkpoint.verified(last) or 0
    if done < epochs:
        _train(prepare(job), epochs, last, done)
    checkpoint.keep(last, best)
    return {"checkpoint": str(best), "epochs": epochs}


def _train(job: Job, epochs: int, last: Path, done: int) -> None:
    seed_all(job.seed)
    data: Any = build_data(job)
    if not hasattr(data, "train_on_everything"):
        raise NoRefitError(
            f"{type(data).__name__} has no method train_on_everything(); give it one that adds the"
            " validation part to what train_dataloader() returns"
        )
    data.train_on_everything()
    module = build_module(job, data)
    accelerate(module, job)
    namespace = namespace_of(module)
    arguments = {**job.config["trainer"], "limit_val_batches": 0, "logger": False}
    callbacks = [
        *_without_monitors(arguments.pop("callbacks", None)),
        ReseedEachEpoch(job.seed),
        in_namespace(_SaveAndStop, namespace)(
            last, epochs, job.config["trainer"].get("max_epochs")
        ),
    ]
    if multi_step_blocker(module, data, job.config, callbacks) is None:
        enable_multi_step(module)
    trainer = build_trainer(job, namespace, arguments, callbacks, [])
    trainer.fit(module, datamodule=data, ckpt_path=last if done else None, weights_only=True)


def _without_monitors(callbacks: Any) -> list[Any]:
    """Returns the study's callbacks except those that monitor a validation metric."""
    built, _ = build_callbacks(callbacks, instantiate)
    return [callback for callback in built if getattr(callback, "monitor", None) is None]


def _drop_other_recipe(job: Job, epochs: int) -> None:
    """Starts over if the folder holds the model of another setting, seed or length."""
    folder = Path(job.folder)
    folder.mkdir(parents=True, exist_ok=True)
    recipe = to_yaml({"epochs": epochs, "seed": job.seed, **job.config})
    file = folder / RECIPE
    if file.exists() and file.read_text(encoding="utf-8") == recipe:
        return
    for name in (checkpoint.LAST, checkpoint.PREVIOUS, checkpoint.BEST):
        (folder / name).unlink(missing_ok=True)
    file.write_text(recipe, encoding="utf-8")
