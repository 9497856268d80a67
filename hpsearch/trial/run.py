"""One trial, in the order a person would write it: seeds, data, module, callbacks, Trainer, fit."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch

from hpsearch.classes.binding import bind, instantiate
from hpsearch.classes.cli import with_cli
from hpsearch.classes.components import ComponentError
from hpsearch.data.test_access import keep_test_split_closed
from hpsearch.protocol.events import EventLog
from hpsearch.protocol.job import Job
from hpsearch.protocol.messages import Ended, Report
from hpsearch.protocol.types import primary
from hpsearch.studyfile.yaml_text import to_yaml
from hpsearch.trial.causes import failed
from hpsearch.trial.inference.cost import latency_probe
from hpsearch.trial.lightning_namespace import become_rank, in_namespace, namespace_of
from hpsearch.trial.loggers import services, tensorboard
from hpsearch.trial.optimization import attach
from hpsearch.trial.preparing import prepare_in_turn
from hpsearch.trial.progress import SayProgress
from hpsearch.trial.ranks import ALONE, HeardLog, Rank
from hpsearch.trial.reports import RefusedError, Reports, Send
from hpsearch.trial.saving import checkpoint
from hpsearch.trial.saving.claim import Claim, SupersededError
from hpsearch.trial.saving.metrics import LastMetrics
from hpsearch.trial.saving.position import DataPosition
from hpsearch.trial.seeding import ReseedEachEpoch, seed_all, seed_set_up, seeded
from hpsearch.trial.speedups.bulk_reading import read_in_bulk
from hpsearch.trial.speedups.multi_step import enable_multi_step
from hpsearch.trial.speedups.multi_step_support import multi_step_blocker
from hpsearch.trial.speedups.overrides import overrides
from hpsearch.trial.speedups.speed import accelerate
from hpsearch.trial.stage import StageTracker
from hpsearch.trial.trainer import build_callbacks, build_trainer


@keep_test_split_closed()
def run_trial(job: Job, send: Send, number: int = 0, meeting: str = "") -> None:
    """Trains the job's model, or continues from its last checkpoint, and reports the end.

    Never raises when the trial fails: a failure is reported as `Ended("failed", ...)`.

    Args:
        job: the trial.
        send: sends a message and returns the decision on it.
        number: of this process among those that train the trial together, from 0.
        meeting: path of the file by which they find each other.
    """
    where, claim, log = StageTracker(), None, None
    rank = Rank(number, job.processes, meeting)
    try:
        if rank.leads:
            Path(job.folder).mkdir(parents=True, exist_ok=True)
            claim = Claim(Path(job.folder), job.attempt)
            # After the claim: until then, the folder's previous process may have reported.
            log = EventLog(Path(job.folder) / "events.jsonl", job.identity, job.attempt)
            log.begin()
            _write_params(job)
        ended = _fit(job, log, send, where, claim, rank)
        if claim and log and ended.how != "stopped":
            claim.hold()
            log.append(ended)
    except (SupersededError, RefusedError):
        # It continues in another process already; or its data are not the study's.
        ended = Ended("stopped")
    except (Exception, SystemExit) as error:
        # Lightning exits on SIGTERM: the trial continues later, from its last checkpoint. Before
        # the training, it is the study's own code that exits.
        exits = isinstance(error, SystemExit) and where.kind != "set-up"
        ended = Ended("stopped") if exits else failed(error, job, where)
        with contextlib.suppress(OSError, SupersededError):
            kept = ended.how == "failed" and not ended.fatal and ended.failure_kind != "disk"
            # With several processes, only the process that started them knows the cause.
            kept = kept and rank.count == 1
            if claim and log and kept:
                claim.hold()
                log.append(ended)
    send(ended)


def _fit(
    job: Job,
    log: EventLog | None,
    send: Send,
    where: StageTracker,
    claim: Claim | None,
    rank: Rank,
) -> Ended:
    job = prepare(job, rank)
    last = Path(job.folder) / checkpoint.LAST
    begun = _recover(job, log) if log is not None else None
    rank.join(job)
    refused, done, notes, known = rank.share(begun)
    if refused:
        return Ended(**vars(refused))
    heard = HeardLog(known) if log is None else log

    def build_reports(namespace: Any) -> list[Any]:
        position = DataPosition(notes)
        latency = latency_probe(job, heard.reports)
        made = in_namespace(Reports, namespace)
        reports = made(job, heard, send, claim, done, notes, *latency)
        return [SayProgress(send, job), position, LastMetrics(), *latency, reports]

    training = assemble(job, where, build_reports, rank)
    reports: Reports = training.callbacks[-1]
    reports.catch_up()
    for note in training.notes if rank.leads else ():
        print(note, flush=True)
    tensorboard.declare_columns(training.board, job)
    trainer, data = training.trainer, training.data
    others = [logger for logger in trainer.loggers if logger is not training.board]
    services.write_settings(others, job)
    ckpt_path = last if done else None
    try:
        trainer.fit(training.module, datamodule=data, ckpt_path=ckpt_path, weights_only=True)
    finally:
        best = heard.best(*primary(job.objectives))
        tensorboard.fill_columns(training.board, best, trainer.global_step)
        has_failed = sys.exc_info()[0] is not None
        for note in services.end(others, best, trainer.global_step, has_failed):
            print(note, flush=True)
    return Ended(reports.how, facts=reports.end())


def _recover(job: Job, log: EventLog) -> tuple[Ended | None, int, list[str], list[Report]]:
    """Restores the trial's folder to the point it continues from, and rehearses a new trial.

    Returns:
        Why it cannot be trained, if the rehearsal failed; the step it continues from; what is wrong
        with later checkpoints; and its reports up to that step.
    """
    done, notes = checkpoint.recover(Path(job.folder), job.owner)
    log.drop_after(done)
    refused = None
    if job.rehearse and not done:
        from hpsearch.trial.rehearsal import rehearse_apart

        refused = rehearse_apart(replace(job, processes=1))
    return refused, done, notes, log.reports


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
    callbacks = [*own, where, ReseedEachEpoch(job.seed), *build_reports(namespace)]
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
        return path(data) if callable(path) else attrgetter(path)(data)
    except AttributeError:
        owner = "a study without a data: section" if data is None else type(data).__name__
        raise ComponentError(
            f"model.from_data: {owner} has no attribute '{path}' after setup('fit')"
        ) from None


def _write_params(job: Job) -> None:
    text = to_yaml({"params": dict(job.params), **job.config})
    (Path(job.folder) / "params.yaml").write_text(text, encoding="utf-8")
