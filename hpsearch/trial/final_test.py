"""The one look at the test split: what a trained model makes of images nobody chose it by."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.utilities.data import extract_batch_size

from hpsearch.protocol.job import Job
from hpsearch.trial.lightning_namespace import tree_of
from hpsearch.trial.run import build_trainer
from hpsearch.trial.trained import load_trained


class _CountExamples(pl.Callback):
    def __init__(self) -> None:
        self.examples = 0

    def on_test_batch_end(self, *arguments: Any, **named: Any) -> None:
        batch = named.get("batch", arguments[3])
        self.examples += extract_batch_size(batch)


def run_final_test(job: Job, reason: str) -> dict[str, Any]:
    """Tests the model of the job's best checkpoint on the test split of its data.

    Args:
        job: the run whose model it is; its folder holds the checkpoint.
        reason: why the split is opened; a data module with `open_test_split` is told.

    Returns:
        `metrics` (by name) and `examples` (count); or `failure`, one line, if there is no result.
    """
    try:
        return _test(job, reason)
    except Exception as error:
        return {"failure": f"{type(error).__name__}: {' '.join(str(error).split())}"}


def _test(job: Job, reason: str) -> dict[str, Any]:
    module, data = load_trained(job)
    if hasattr(data, "open_test_split"):
        data.open_test_split(reason)
    count = _CountExamples()
    given = job.config["trainer"].items()
    arguments = {key: value for key, value in given if key not in ("callbacks", "logger")}
    trainer = build_trainer(job, tree_of(module), {**arguments, "logger": False}, [count], [])
    trainer.test(module, datamodule=data, verbose=False)
    metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
    return {"metrics": metrics, "examples": count.examples}
