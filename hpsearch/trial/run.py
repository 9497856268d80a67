"""One trial, in the order a person would write it: seeds, data, module, callbacks, Trainer, fit."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeGuard

import pytorch_lightning as pl
import torch
import yaml

from hpsearch.classes.binding import bind, instantiate
from hpsearch.data import DataError
from hpsearch.protocol.events import EventLog
from hpsearch.protocol.job import Job
from hpsearch.protocol.messages import Ended, FailureKind
from hpsearch.trial import checkpoint, tensorboard
from hpsearch.trial.claim import Claim, SupersededError
from hpsearch.trial.epoch_end import BadMetricError, EpochEnd, Exchange
from hpsearch.trial.lightning_namespace import become_rank_zero, in_tree, one_process, tree_of
from hpsearch.trial.multi_step import enable_multi_step
from hpsearch.trial.multi_step_support import multi_step_blocker
from hpsearch.trial.optimization import attach
from hpsearch.trial.progress import SayProgress
from hpsearch.trial.seeding import ReseedEachEpoch, seed_all
from hpsearch.trial.speed import WrongMachineError, accelerate
from hpsearch.trial.stage import NotFiniteError, StageTracker, is_out_of_memory

TRACEBACK_LINES = 30
ADVICE = (
    # Lightning 2.6 asks torch 2.14 for a class that torch has renamed.
    r"`isinstance\(treespec, LeafSpec\)` is deprecated",
    # Metrics are read once an epoch, whatever the Trainer's own interval.
    r"The number of training batches .* is smaller than the logging interval",
    # A trial takes one process, also on a machine of a cluster.
    r"The `srun` command is available",
    # What it warns of, the scan takes care of.
    r".*`dataloader_iter`",
    # A trial is one process wherever it runs; Slurm's launcher is not meant for it.
    r"The `srun` command is available",
)
OUT_OF_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


def run_trial(job: Job, send: Exchange) -> None:
    """Trains the job's model, or goes on from its last checkpoint, and says how it ended.

    Never raises for a fault of the trial: that is told as `Ended("failed", ...)`.
    """
    log = EventLog(Path(job.folder) / "events.jsonl")
    where, claim = StageTracker(), None
    try:
        Path(job.folder).mkdir(parents=True, exist_ok=True)
        claim = Claim(Path(job.folder))
        ended = _fit(job, log, send, where, claim)
        if ended.how != "stopped":
            claim.hold()
            log.append(ended)
    except (SystemExit, SupersededError):
        # Lightning's own answer to SIGTERM: the trial goes on later, from its last checkpoint; or
        # it goes on in another process already.
        ended = Ended("stopped")
    except Exception as error:
        ended = _failed(error, job, where)
        with contextlib.suppress(OSError, SupersededError):
            if claim is not None and not ended.fatal and ended.failure_kind != "disk":
                claim.hold()
                log.append(ended)
    send(ended)


def _failed(error: Exception, job: Job, where: StageTracker) -> Ended:
    """Says what an exception means: this trial failed, or no trial can be trained as things are."""
    refused = next((e for e in _with_causes(error) if is_out_of_room(e)), None)
    if refused is not None:
        text = f"the disk that holds {job.folder} cannot be written ({refused.strerror})"
        needs = checkpoint.room_needed(Path(job.folder) / checkpoint.LAST)
        return Ended("failed", text, "disk", facts={"needs": needs})
    if isinstance(error, DataError | WrongMachineError):
        return Ended("failed", str(error), where.kind, fatal=True)
    facts = {"failed_at": where.at} if where.at else {}
    if isinstance(error, NotFiniteError):
        return Ended("failed", str(error), "not finite", facts=facts)
    if isinstance(error, BadMetricError):
        return Ended("failed", str(error), "metric", facts=facts)
    kind: FailureKind = "out of memory" if is_out_of_memory(error) else where.kind
    tail = "\n".join(traceback.format_exc().splitlines()[-TRACEBACK_LINES:])
    return Ended("failed", _one_line(error), kind, tail, facts=facts)


def _fit(job: Job, log: EventLog, send: Exchange, where: StageTracker, claim: Claim) -> Ended:
    prepare(job)
    _write_params(job)

    seed_all(job.seed)
    data = build_data(job)
    module = build_module(job, data)
    accelerate(module, job)
    tree = tree_of(module)
    last = Path(job.folder) / checkpoint.LAST
    done, notes = checkpoint.recover(last.parent, job.owner)
    log.drop_after(done)

    logger = tensorboard.build_logger(job, tree)
    tensorboard.declare_columns(logger, job.params, [*job.objectives, "best_epoch"])
    epoch_end = in_tree(EpochEnd, tree)(job, log, send, claim, done, notes)
    epoch_end.catch_up()
    arguments = dict(job.config["trainer"])
    callbacks = [
        *instantiate(_as_list(arguments.pop("callbacks", None))),
        where,
        ReseedEachEpoch(job.seed),
        SayProgress(send),
        epoch_end,
    ]
    if (job.config.get("tensorboard") or {}).get("histograms"):
        callbacks.append(tensorboard.Histograms(logger))
    if multi_step_blocker(module, data, job.config, callbacks) is None:
        enable_multi_step(module)
    trainer = build_trainer(job, tree, arguments, callbacks, [logger])
    try:
        trainer.fit(module, datamodule=data, ckpt_path=last if done else None, weights_only=True)
    finally:
        best = log.best(*next(iter(job.objectives.items())))
        tensorboard.fill_columns(logger, best, trainer.global_step)
    if not log.reports:
        raise BadMetricError(
            "no epoch was finished, so there is nothing to report: see trainer.max_*"
        )
    return Ended(epoch_end.how, facts=epoch_end.summary())


def prepare(job: Job) -> None:
    """Makes this process fit for the job: where its classes are, and how many threads it has."""
    sys.path[:0] = [path for path in job.import_paths if path not in sys.path]
    # Where an input is hardly ever on, an optimizer's averages of gradients sink below the numbers
    # that 32 bits hold in full: 0 for the result, but a hundred times as slow to compute with.
    torch.set_flush_denormal(True)
    torch.set_num_threads(job.threads)
    become_rank_zero()
    if job.device == "cpu":
        # Lightning sets it, and then every step of an optimizer looks for NVIDIA's library anew.
        os.environ.pop("PYTORCH_NVML_BASED_CUDA_CHECK", None)


def build_data(job: Job) -> pl.LightningDataModule:
    """Returns the job's data module, given the study's split and the trial's order of images."""
    seeds = {"split_seed": job.study_seed, "order_seed": job.seed}
    data: pl.LightningDataModule = bind(job.config["data"], ("data",), seeds).build(**seeds)
    return data


def build_module(job: Job, data: Any) -> pl.LightningModule:
    """Returns the job's module, given the shape of the data where it asks for that.

    A module that takes `input_shape` and `classes`, and whose study file is silent about them,
    gets those of the data module.
    """
    shapes_of = ("input_shape", "classes")
    bound = bind(job.config["model"], ("model",), shapes_of)
    wanted = [name for name in shapes_of if bound.wants(name)]
    if wanted:
        data.prepare_data()
        data.setup("fit")
    shapes = {name: getattr(data, name) for name in wanted if hasattr(data, name)}
    module: pl.LightningModule = bound.build(**shapes)
    attach(module, job.config.get("optimizer"), job.config.get("schedule"))
    return module


def build_trainer(
    job: Job, tree: Any, arguments: dict[str, Any], callbacks: list[Any], loggers: list[Any]
) -> Any:
    """Returns the Trainer of the study file on the job's one device, with our callbacks last."""
    # Its notes (devices found, products to try) are the same for every trial.
    logging.getLogger(tree.__name__).setLevel(logging.WARNING)
    for advice in ADVICE:
        warnings.filterwarnings("ignore", advice)
    from_file = instantiate(arguments)
    own_loggers = from_file.pop("logger", None)
    plugins = _as_list(from_file.pop("plugins", None))
    gpu = job.device != "cpu" and torch.cuda.is_available()
    return tree.Trainer(
        **{"num_sanity_val_steps": 0, "log_every_n_steps": 50, **from_file},
        accelerator="gpu" if gpu else "cpu",
        devices=1,
        callbacks=callbacks,
        logger=loggers + _as_list(own_loggers or None),
        plugins=[*plugins, one_process(tree)],
        default_root_dir=job.folder,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def is_out_of_room(error: BaseException) -> TypeGuard[OSError]:
    """Returns whether an error says that a disk is full, a quota used up, or all read-only."""
    return isinstance(error, OSError) and error.errno in OUT_OF_ROOM


def _write_params(job: Job) -> None:
    text = yaml.safe_dump({"params": dict(job.params), **job.config}, sort_keys=False)
    (Path(job.folder) / "params.yaml").write_text(text)


def _with_causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yields the error and those beneath it: loggers hide what the disk says in their own."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:500]


def _as_list(value: Any) -> list[Any]:
    items = list(value) if isinstance(value, list | tuple) else [value]
    # A `~choice:` may leave nothing in its place, as in "this callback or none".
    return [item for item in items if item is not None]
