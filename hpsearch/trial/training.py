"""What a trial trains with, in the order a person would write it: seeds to Trainer."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from operator import attrgetter
from typing import Any

import pytorch_lightning as pl
import torch

from hpsearch.classes.binding import ITSELF, bind, instantiate
from hpsearch.classes.cli import with_cli
from hpsearch.classes.components import ComponentError
from hpsearch.protocol.job import Job
from hpsearch.trial.lightning_namespace import become_rank, namespace_of
from hpsearch.trial.loggers import tensorboard
from hpsearch.trial.optimization import attach
from hpsearch.trial.preparing import prepare_in_turn
from hpsearch.trial.ranks import ALONE, Rank
from hpsearch.trial.saving.trainable import WhatTrains
from hpsearch.trial.seeding import ReseedEachEpoch, seed_all, seed_set_up, seeded
from hpsearch.trial.speedups.bulk_reading import read_in_bulk
from hpsearch.trial.speedups.multi_step import enable_multi_step
from hpsearch.trial.speedups.multi_step_support import multi_step_blocker
from hpsearch.trial.speedups.overrides import overrides
from hpsearch.trial.speedups.speed import accelerate
from hpsearch.trial.stage import StageTracker
from hpsearch.trial.trainer import build_callbacks, build_trainer


@dataclass(frozen=True)
class Training:
    """Everything a trial trains with, built but not started.

    Attributes:
        callbacks: those of the study file, then ours.
        board: our own TensorBoard logger.
        notes: a sentence on each part of the study file that is left out.
    """

    module: pl.LightningModule
    data: pl.LightningDataModule
    trainer: Any
    callbacks: list[Any]
    board: Any
    notes: list[str]


def assemble(
    job: Job,
    where: StageTracker,
    build_reports: Callable[[Any], Sequence[Any]],
    rank: Rank = ALONE,
) -> Training:
    """Builds what a trial trains with, seeded.

    Args:
        job: the trial, prepared.
        where: tracks its stages.
        build_reports: builds the callbacks that come last, for a namespace of Lightning.
        rank: this process, among those that train the trial together.

    Raises:
        UnusableError: a callback or logger of the study file cannot be built.
    """
    seed_all(job.seed)
    data = build_data(job)
    module = build_module(job, data)
    accelerate(module, job)
    namespace = namespace_of(module)
    board = tensorboard.build_logger(job, namespace)
    arguments = dict(job.config["trainer"])
    own, notes = build_callbacks(arguments.pop("callbacks", None), instantiate)
    callbacks = [WhatTrains(), *own, where, ReseedEachEpoch(job.seed), *build_reports(namespace)]
    if arguments.get("log_every_n_steps") is None:
        callbacks.insert(0, tensorboard.ShortEpochs())
    if (job.config.get("tensorboard") or {}).get("histograms"):
        callbacks.insert(-1, tensorboard.Histograms(board))
    # Multi-step training bypasses the strategy, which keeps the weights of several processes equal.
    alone = rank.count == 1
    if alone and multi_step_blocker(module, data, job.config, callbacks) is None:
        enable_multi_step(module)
    trainer = build_trainer(job, namespace, arguments, callbacks, [board], rank)
    return Training(module, data, trainer, callbacks, board, notes)


def prepare(job: Job, rank: Rank = ALONE) -> Job:
    """Prepares this process for the job: import paths, number of threads.

    Returns:
        The job with what the class in `cli:` adds to its configuration.

    Raises:
        ComponentError: that class cannot be found, or what it adds does not fit.
    """
    sys.path[:0] = [path for path in job.import_paths if path not in sys.path]
    # For an input that is almost always 0, an optimizer's averages of gradients become denormal
    # numbers: practically 0, but a hundred times as slow to compute with.
    torch.set_flush_denormal(True)
    torch.set_num_threads(job.threads)
    become_rank(rank.number)
    if job.device == "cpu":
        # Lightning sets it, and then every optimizer step searches for NVIDIA's library again.
        os.environ.pop("PYTORCH_NVML_BASED_CUDA_CHECK", None)
    return replace(job, config=with_cli(job.config))


def build_data(job: Job) -> Any:
    """Returns the data module of a prepared job, given the study's split and its order of images.

    All random numbers drawn while it is built and set up follow from the study's seed, in every
    trial. None for a module with its own loaders.
    """
    if job.config.get("data") is None:
        return None
    seeds = {"split_seed": job.study_seed, "order_seed": job.seed}
    with seeded(job.study_seed):
        data = bind(job.config["data"], ("data",), seeds).build(**seeds)
    seed_set_up(data, job.study_seed)
    prepare_in_turn(data)
    read_in_bulk(data)
    return data


def build_module(job: Job, data: Any) -> pl.LightningModule:
    """Returns the module of a prepared job, given the shape of the data if it takes that.

    A module that takes `input_shape` and `classes`, which the study file leaves out, gets those of
    the data module; likewise what `from_data` names.

    Raises:
        ComponentError: the data module has no such attribute once it is set up.
    """

    @cache
    def ready() -> Any:
        if data is not None:
            data.prepare_data()
            data.setup("fit")
        return data

    config, shapes_of = job.config, ("input_shape", "classes")
    bound = bind(config["model"], ("model",), shapes_of, lambda source: _derive(ready(), source))
    wanted = [name for name in shapes_of if bound.wants(name)]
    shapes = {name: getattr(data, name) for name in wanted if hasattr(ready(), name)}
    module: pl.LightningModule = bound.build(**shapes)
    prepare_in_turn(module)
    if overrides(module, "val_dataloader"):
        seed_set_up(module, job.study_seed)
        read_in_bulk(module)
    attach(module, config.get("optimizer"), config.get("schedule"))
    return module


def _derive(data: Any, path: str | Callable[[Any], Any]) -> Any:
    try:
        if path == ITSELF and data is not None:
            return data
        return path(data) if callable(path) else attrgetter(path)(data)
    except AttributeError:
        owner = "a study without a data: section" if data is None else type(data).__name__
        raise ComponentError(
            f"model.from_data: {owner} has no attribute '{path}' after setup('fit')"
        ) from None
