"""The one look at the test split: what a trained model makes of images nobody chose it by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Checkpoint
from pytorch_lightning.utilities.data import extract_batch_size

from hpsearch.protocol.job import Job
from hpsearch.trial import tensorboard
from hpsearch.trial.lightning_namespace import in_tree, tree_of
from hpsearch.trial.run import build_trainer
from hpsearch.trial.trained import build, find_best


class _CountExamples(pl.Callback):
    def __init__(self) -> None:
        self.examples = 0

    def on_test_batch_end(self, *arguments: Any, **named: Any) -> None:
        batch = named.get("batch", arguments[3])
        self.examples += extract_batch_size(batch)


class _Chosen(Checkpoint):
    """What a module finds as `trainer.checkpoint_callback` after its training."""

    def __init__(self, best: Path) -> None:
        self.best_model_path = self.last_model_path = str(best)


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
    best = find_best(job)
    module, data = build(job)
    if hasattr(data, "open_test_split"):
        data.open_test_split(reason)
    tree, count = tree_of(module), _CountExamples()
    arguments = {key: value for key, value in job.config["trainer"].items() if key != "callbacks"}
    callbacks = [count, in_tree(_Chosen, tree)(best)]
    # A module may draw on its logger in the test as well.
    board = tensorboard.build_logger(job, tree)
    trainer = build_trainer(job, tree, arguments, callbacks, [board])
    trainer.test(module, datamodule=data, ckpt_path=best, verbose=False, weights_only=True)
    metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
    return {"metrics": metrics, "examples": count.examples}
