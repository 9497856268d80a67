"""The loggers of the study file: one run per trial, with its settings and its final value.

A study file names the service. hpsearch names the run: the study, the number of the trial, and an
identity by which a trial that continues finds its run again. The arguments in the file take
precedence.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hpsearch.classes.components import resolve
from hpsearch.protocol.job import Job
from hpsearch.protocol.messages import Report

Tree = Mapping[str, Any]

# Tags of MLflow.
STUDY, RUN = "hpsearch.study", "hpsearch.run"
# From version 3.7, MLflow writes files only if this variable says so.
MLFLOW_FILES = "MLFLOW_ALLOW_FILE_STORE"

NO_KEY = (
    "trainer.logger: Weights & Biases has no API key on this machine; run `wandb login`, or write"
    " offline: true"
)


def build(tree: Any, job: Job, instantiate: Callable[[Any], Any], leads: bool) -> Any:
    """Returns a logger of the study file with the trial's run: a new one, or its earlier one.

    Args:
        tree: its class and arguments.
        job: the trial.
        instantiate: builds a component.
        leads: whether this process writes, among those that train the trial.
    """
    kind = _kind(tree)
    if kind is None:
        return instantiate(tree)
    ours, given = _RUNS[kind](job), tree.get("init_args") or {}
    arguments = {**ours, **given}
    if tags := ours.get("tags"):
        arguments["tags"] = {**tags, **(given.get("tags") or {})}
    if kind == "WandbLogger" and given.get("offline"):
        # Lightning sets a variable for this, which W&B reads only once per process.
        arguments = {"mode": "offline", **arguments}
    if kind == "MLFlowLogger" and leads:
        arguments |= _found_run(arguments)
    logger = instantiate({**tree, "init_args": arguments})
    if kind == "CSVLogger" and leads:
        _keep_rows(logger)
    return logger


def write_settings(loggers: Sequence[Any], job: Job) -> None:
    """Writes the searched values of a trial into the run of each logger."""
    for logger in loggers:
        logger.log_hyperparams(dict(job.params))


def end(loggers: Sequence[Any], best: Report | None, step: int, failed: bool) -> list[str]:
    """Writes the values of the trial's best epoch, and ends the runs.

    Args:
        loggers: those of the study file.
        best: the report of the best epoch, if there is one.
        step: the step of the training.
        failed: whether the trial ends with an error.

    Returns:
        A sentence on each logger that has failed; the trial keeps its result anyway.
    """
    notes = []
    for logger in loggers:
        try:
            _end(logger, best, step, failed)
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            notes.append(f"{type(logger).__name__} lacks the final value: {reason}")
    return notes


def trouble(trees: Any) -> str:
    """Returns why a service will reject the loggers of a `trainer.logger`; empty if none will."""
    listed = trees if isinstance(trees, list) else [trees]
    with contextlib.suppress(Exception):  # what is wrong with one, its building says
        if any(map(_needs_key, listed)):
            import wandb

            return "" if wandb.login(prompt=False) else NO_KEY
    return ""


def _needs_key(tree: Any) -> bool:
    if _kind(tree) != "WandbLogger" or os.environ.get("WANDB_MODE"):
        return False
    given = tree.get("init_args") or {}
    return not (given.get("offline") or given.get("mode"))


@contextlib.contextmanager
def aside(trees: Any, folder: Path) -> Iterator[Any]:
    """Returns the loggers of a `trainer.logger` for a rehearsal: they leave no run on a server."""
    if trees is None or isinstance(trees, bool):
        yield trees
        return
    listed = trees if isinstance(trees, list) else [trees]
    before = os.environ.get(MLFLOW_FILES)
    os.environ[MLFLOW_FILES] = "true"
    try:
        yield [_aside(tree, folder) for tree in listed]
    finally:
        _end_wandb()
        del os.environ[MLFLOW_FILES]
        os.environ |= {MLFLOW_FILES: before} if before is not None else {}


def _aside(tree: Any, folder: Path) -> Any:
    ours: dict[str, Any] = {}
    with contextlib.suppress(Exception):  # what is wrong with it, its building says
        if (kind := _kind(tree)) == "WandbLogger":
            ours = {"mode": "disabled", "offline": False, "log_model": False}
        elif kind == "MLFlowLogger":
            ours = {"tracking_uri": (folder / "mlflow").as_uri(), "run_id": None}
    return {**tree, "init_args": {**(tree.get("init_args") or {}), **ours}} if ours else tree


def _end_wandb() -> None:
    """Ends the run of W&B in this process, which the next logger would mistake for its own."""
    wandb = sys.modules.get("wandb")
    if wandb is not None and wandb.run is not None and wandb.run.disabled:
        wandb.run.finish()


def _end(logger: Any, best: Report | None, step: int, failed: bool) -> None:
    if best is not None:
        values = {f"best/{name}": value for name, value in best.values.items()}
        logger.log_metrics({**values, "best/epoch": float(best.step)}, step=step)
        logger.save()
    if _of(type(logger)) == "WandbLogger":
        # A trial's process ends without the exit handlers that would do this.
        logger.experiment.finish(exit_code=int(failed))


def _in_a_folder(job: Job) -> dict[str, Any]:
    return {"name": job.study, "version": _trial(job)}


def _of_wandb(job: Job) -> dict[str, Any]:
    return {"name": f"{job.study} {_trial(job)}", "group": job.study, "id": _identity(job)}


def _of_mlflow(job: Job) -> dict[str, Any]:
    tags = {STUDY: job.study, RUN: _identity(job)}
    return {"experiment_name": job.study, "run_name": _trial(job), "tags": tags}


_RUNS: dict[str, Callable[[Job], dict[str, Any]]] = {
    "CSVLogger": _in_a_folder,
    "TensorBoardLogger": _in_a_folder,
    "WandbLogger": _of_wandb,
    "MLFlowLogger": _of_mlflow,
}


def _found_run(arguments: Tree) -> dict[str, Any]:
    """Creates the experiment, and returns the trial's run in it, if there is one."""
    try:
        from mlflow import MlflowClient
    except ImportError:
        return {}  # the logger says so
    address = arguments.get("tracking_uri") or os.environ.get("MLFLOW_TRACKING_URI")
    client = MlflowClient(address or f"file:{arguments.get('save_dir') or './mlruns'}")
    name, identity = arguments["experiment_name"], arguments["tags"][RUN]
    if client.get_experiment_by_name(name) is None:
        with contextlib.suppress(Exception):  # another trial creates it at this moment
            client.create_experiment(name, arguments.get("artifact_location"))
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        return {}
    runs = client.search_runs([experiment.experiment_id], f"tags.`{RUN}` = '{identity}'")
    return {"run_id": runs[0].info.run_id} if runs else {}


def _keep_rows(logger: Any) -> None:
    """Opens a CSV file to append to its rows; Lightning's logger would remove them."""
    file = Path(logger.log_dir) / "metrics.csv"
    rows = file.read_bytes() if file.exists() else b""
    with warnings.catch_warnings(action="ignore"):
        writer = logger.experiment
    if rows:
        file.write_bytes(rows)
        writer.metrics_keys = rows.decode().splitlines()[0].split(",")


def _kind(tree: Any) -> str | None:
    """Returns which of the loggers above a component tree names, or inherits from."""
    if not isinstance(tree, Mapping) or "class_path" not in tree:
        return None
    target = resolve(tree["class_path"])
    return _of(target) if isinstance(target, type) else None


def _of(target: type) -> str | None:
    return next((base.__name__ for base in target.__mro__ if base.__name__ in _RUNS), None)


def _trial(job: Job) -> str:
    return f"trial-{job.number:04d}"


def _identity(job: Job) -> str:
    text = json.dumps({"name": job.study, **job.identity}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
