"""A trial in TensorBoard: its scalars, its row in HPARAMS, and weights and graph on demand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from hpsearch.protocol.job import Job
from hpsearch.protocol.messages import Report
from hpsearch.protocol.types import Scalar


def build_logger(job: Job, namespace: Any) -> Any:
    """Returns Lightning's TensorBoard logger, writing to the trial's own `tensorboard` folder.

    The version is fixed, so that a resumed trial continues in the same run.
    """
    return namespace.loggers.TensorBoardLogger(
        save_dir=Path(job.folder),
        name="",
        version="tensorboard",
        # Lightning's own column holds -1 in every row, which is useless for a search.
        default_hp_metric=False,
        log_graph=bool((job.config.get("tensorboard") or {}).get("graph")),
    )


def declare_columns(logger: Any, params: Mapping[str, Scalar], names: list[str]) -> None:
    """Writes the trial's row of HPARAMS, with a column to be filled for each name.

    TensorBoard shows only metrics that were declared together with the parameters.
    """
    shown = {name: "none" if value is None else value for name, value in params.items()}
    logger.log_hyperparams(shown, {_column(name): float("nan") for name in names})


def fill_columns(logger: Any, best: Report | None, step: int) -> None:
    """Writes the best epoch's values into the columns, for pruned trials too."""
    if best is None:
        return
    values = {_column(name): value for name, value in best.values.items()}
    logger.log_metrics({**values, _column("best_epoch"): float(best.step)}, step=step)
    logger.save()


def _column(name: str) -> str:
    # A tag of its own: otherwise the metric's curve would begin with a false point.
    return f"hp/{name}"


class Histograms(pl.Callback):
    """Writes a histogram of every weight after each epoch (about 40 kB for a small network)."""

    def __init__(self, logger: Any) -> None:
        self._writer = logger.experiment

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Writes one histogram per parameter."""
        for name, parameter in pl_module.named_parameters():
            self._writer.add_histogram(name, parameter, trainer.current_epoch + 1)
