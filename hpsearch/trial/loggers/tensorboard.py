"""A trial in TensorBoard: its scalars, its row in HPARAMS, and weights and graph on demand."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams

from hpsearch.protocol.job import Job
from hpsearch.protocol.messages import Report
from hpsearch.protocol.metrics import on_split, split_apart
from hpsearch.protocol.types import Scalar


def build_logger(job: Job, namespace: Any, *, is_training: bool = True) -> Any:
    """Returns Lightning's TensorBoard logger, writing to the trial's own `tensorboard` folder.

    The version is fixed, so that a resumed trial continues in the same run.

    Args:
        job: the trial.
        namespace: Lightning's, as the module uses it.
        is_training: an evaluation draws no graph: the training has, and the weights of the members
            of an ensemble cannot be traced.
    """

    class TrialLogger(namespace.loggers.TensorBoardLogger):  # type: ignore[misc]
        """Lightning's logger without its count of epochs, which would be the first chart."""

        def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
            """Writes the metrics that the module logged."""
            logged = {name: v for name, v in metrics.items() if (name, type(v)) != ("epoch", int)}
            super().log_metrics(logged, step)

    return TrialLogger(
        save_dir=Path(job.folder),
        name="",
        version="tensorboard",
        # Lightning's own column holds -1 in every row, which is useless for a search.
        default_hp_metric=False,
        log_graph=is_training and bool((job.config.get("tensorboard") or {}).get("graph")),
    )


def declare_columns(logger: Any, job: Job) -> None:
    """Writes the trial's row of HPARAMS, with columns for the whole space and for its results.

    TensorBoard takes all columns from one of the trials, so each declares those of every branch.
    """
    shown = {name: _cell(value, job.space.get(name)) for name, value in job.params.items()}
    results = {_column(name): float("nan") for name in (*job.objectives, "best_epoch")}
    logger.log_hyperparams(shown)
    # Of several ranks, only the first one writes.
    if isinstance(logger.experiment, SummaryWriter):
        summaries: Any = hparams
        columns, _, _ = summaries({**job.space, **shown}, results)
        writer: Any = logger.experiment.file_writer
        for summary in (columns, *summaries(shown, results)[1:]):
            writer.add_summary(summary)


def fill_columns(logger: Any, best: Report | None, step: int) -> None:
    """Writes the best epoch's values into the columns, for pruned trials too."""
    if best is None:
        return
    values = {_column(name): value for name, value in best.values.items()}
    logger.log_metrics({**values, _column("best_epoch"): float(best.step)}, step=step)
    if pairs := _pairs(best.metrics):
        logger.experiment.add_custom_scalars({"training and validation": pairs})
    logger.save()


def _pairs(names: Iterable[str]) -> dict[str, list[Any]]:
    """Returns a chart for each metric that is logged both in training and in validation.

    The tags of its two curves are regular expressions.
    """
    logged = {*names}
    charts: dict[str, list[Any]] = {}
    for name in sorted(logged):
        partner = on_split(name, "train")
        if partner in logged:
            charts[split_apart(name)[1]] = [
                "Multiline",
                [f"^{re.escape(str(tag))}$" for tag in (partner, name)],
            ]
    return charts


def _cell(value: Scalar, example: Scalar) -> Scalar:
    if value is None:
        return "none"
    return str(value) if isinstance(example, str) else value


def _column(name: str) -> str:
    # A separate tag, or the metric's curve would begin with a false point; and one that sorts after
    # those of training and validation.
    return f"value/{name}"


class ShortEpochs(pl.Callback):
    """Has what a training step logs written once in an epoch that is shorter than the interval.

    For a study file that leaves the interval to Lightning, whose 50 steps are more than some
    trainings have.
    """

    supports_multi_step = True

    def on_train_start(self, trainer: Any, pl_module: pl.LightningModule) -> None:
        """Shortens the interval to the steps of an epoch, or of the training."""
        epoch = trainer.num_training_batches / trainer.accumulate_grad_batches
        steps = [trainer.log_every_n_steps, epoch, *filter(lambda n: n > 0, [trainer.max_steps])]
        trainer.log_every_n_steps = max(1, math.ceil(min(steps)))


class Histograms(pl.Callback):
    """Writes a histogram of every weight after each epoch (about 40 kB for a small network)."""

    def __init__(self, logger: Any) -> None:
        self._writer = logger.experiment

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Writes one histogram per parameter."""
        for name, parameter in pl_module.named_parameters():
            self._writer.add_histogram(name, parameter, trainer.current_epoch + 1)
