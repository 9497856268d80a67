"""The Trainer of a trial, with the callbacks and loggers that the study file gives it."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch

from hpsearch.classes.binding import bind, instantiate
from hpsearch.protocol.job import Job
from hpsearch.trial.lightning_namespace import own_processes
from hpsearch.trial.loggers import services
from hpsearch.trial.ranks import ALONE, Rank

# The arguments that say where Lightning's loggers and checkpoints write.
FOLDERS = ("save_dir", "root_dir", "dirpath", "log_dir")
PROGRESS_LEFT_OUT = "is left out: hpsearch shows the progress of all trials together"

ADVICE = (
    # Lightning 2.6 asks torch 2.14 for a class that torch has renamed.
    r"`isinstance\(treespec, LeafSpec\)` is deprecated",
    # The graph in TensorBoard comes from a function of torch's that torch 2.14 deprecates.
    r"`torch\.jit\.\w+` is deprecated",
    # Metrics are read once an epoch, regardless of the Trainer's own interval.
    r"The number of training batches .* is smaller than the logging interval",
    # The callbacks that save a trial's position have nothing to do in a test.
    r"Be aware that when using `ckpt_path`",
    # A training may have no validation.
    r"Total length of `.*` across ranks is zero",
    # The position in the data is restored, or the trial notes what it cannot promise.
    r"You're resuming from a checkpoint that ended before the epoch ended",
    # Multi-step training handles what this warns of.
    r".*`dataloader_iter`",
    # A trial is a process of ours wherever it runs; Slurm's launcher is not meant for it.
    r"The `srun` command is available",
)
# Whichever package was imported last writes the log lines of all.
NAMESPACES = ("pytorch_lightning", "lightning.pytorch", "lightning_fabric", "lightning.fabric")


class UnusableError(Exception):
    """A part of the study file that every trial uses cannot be used: no trial can be trained."""


def build_callbacks(section: Any, instantiate: Callable[[Any], Any]) -> tuple[list[Any], list[str]]:
    """Returns the callbacks of `trainer.callbacks`, and a note on each that is left out.

    Raises:
        UnusableError: one cannot be built.
    """
    built = [_build("trainer.callbacks", tree, instantiate) for tree in as_list(section)]
    bars = [callback for callback in built if _is_progress_bar(callback)]
    notes = [f"{type(bar).__name__} {PROGRESS_LEFT_OUT}" for bar in bars]
    return [callback for callback in built if callback not in bars], notes


def build_loggers(section: Any, build: Callable[[Any], Any]) -> list[Any]:
    """Returns the loggers of `trainer.logger`; none for true and false, which ask for ours only.

    Args:
        section: the component tree of one, or a list of them.
        build: makes a logger of a component tree.

    Raises:
        UnusableError: one cannot be built.
    """
    if isinstance(section, bool):
        return []
    return [_build("trainer.logger", tree, build) for tree in as_list(section)]


def build_trainer(
    job: Job,
    tree: Any,
    arguments: dict[str, Any],
    callbacks: list[Any],
    loggers: list[Any],
    rank: Rank = ALONE,
) -> Any:
    """Returns the Trainer of the study file, with our callbacks last.

    It uses the job's one device, or as many as the job has processes.
    """
    # Its messages (devices found, products to try) are the same for every trial.
    for name in NAMESPACES:
        logging.getLogger(name).setLevel(logging.WARNING)
    for advice in ADVICE:
        warnings.filterwarnings("ignore", advice)
    arguments = dict(arguments)
    # The file's own come first: they are what its module calls self.logger.
    build = partial(services.build, job=job, instantiate=instantiate, leads=rank.leads)
    loggers = [*build_loggers(arguments.pop("logger", None), build), *loggers]
    component = {"class_path": f"{tree.__name__}.Trainer", "init_args": arguments}
    builds = bind(component, ("trainer",), hint=tree.Trainer).arguments
    from_file = {name: build() for name, build in builds.items()}
    plugins = as_list(from_file.pop("plugins", None))
    strategy = from_file.pop("strategy", "auto")
    if rank.count > 1:
        from_file["strategy"] = "ddp" if strategy == "auto" else strategy
    return tree.Trainer(
        **{"num_sanity_val_steps": 0, "log_every_n_steps": 50, **from_file},
        accelerator=_accelerator(job.device),
        devices=rank.count,
        callbacks=[*callbacks],  # the Trainer adds its own to the list it gets
        logger=loggers,
        plugins=[*plugins, own_processes(tree, rank.number, rank.count)],
        default_root_dir=job.folder,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def _accelerator(device: str) -> str:
    """Returns Lightning's name for a device; `cpu` where torch finds no such one."""
    if device == "mps":
        return "mps" if torch.backends.mps.is_available() else "cpu"
    return "gpu" if device != "cpu" and torch.cuda.is_available() else "cpu"


def put_aside(tree: Any, folder: Path) -> Any:
    """Returns a component tree whose loggers and checkpoints write into one of our folders."""
    if isinstance(tree, list):
        return [put_aside(item, folder) for item in tree]
    if not isinstance(tree, Mapping):
        return tree
    changed = {key: put_aside(value, folder) for key, value in tree.items()}
    if "class_path" in changed and isinstance(given := changed.get("init_args"), dict):
        ours = {name: str(folder / name) for name in FOLDERS if isinstance(given.get(name), str)}
        changed["init_args"] = {**given, **ours}
    return changed


def as_list(value: Any) -> list[Any]:
    """Returns a value as a list, or a list's values, without None."""
    items = list(value) if isinstance(value, list | tuple) else [value]
    # A `~choice:` may leave nothing in its place, as in "this callback or none".
    return [item for item in items if item is not None]


def _build(place: str, tree: Any, instantiate: Callable[[Any], Any]) -> Any:
    try:
        return instantiate(tree)
    except Exception as error:
        named = tree.get("class_path", tree) if isinstance(tree, Mapping) else tree
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UnusableError(f"{place}: {named} cannot be built: {reason}") from error


def _is_progress_bar(callback: Any) -> bool:
    """Returns whether it is one of Lightning's progress bars, of either namespace."""
    return any(base.__name__ == "ProgressBar" for base in type(callback).__mro__)
