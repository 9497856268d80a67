"""Lightning's tuners in a trial that pauses and continues."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import feeding
import pytest
import pytorch_lightning as pl
import torch
from desk import fed, run, weights
from pytorch_lightning.callbacks import BatchSizeFinder, LearningRateFinder

from hpsearch.protocol.job import Job
from hpsearch.trial.saving.tuning import restrain_tuners


class Tuned(feeding.Fed):
    """Brings a tuner of its own."""

    def configure_callbacks(self) -> pl.Callback:
        return LearningRateFinder(num_training_steps=5, early_stop_threshold=None)


def trial(folder: Path) -> Job:
    return fed(folder, f"{__name__}.Tuned", max_epochs=2)


@pytest.mark.filterwarnings("ignore")
def test_the_learning_rate_is_found_once(tmp_path: Path) -> None:
    whole = run(trial(tmp_path / "whole"))
    first = run(trial(tmp_path / "parts"), {1: "stop"})
    second = run(trial(tmp_path / "parts"))
    curve = [(report.step, report.values) for report in whole.reports]
    assert [(each.step, each.values) for each in (*first.reports, *second.reports)] == curve
    wanted, got = weights(tmp_path / "whole/last.ckpt"), weights(tmp_path / "parts/last.ckpt")
    assert all(torch.equal(wanted[key], got[key]) for key in wanted)


@pytest.mark.parametrize("continues", [False, True])
def test_no_other_batch_size_is_looked_for_and_a_note_says_what_to_write(continues: bool) -> None:
    options: dict[str, Any] = {"logger": False, "enable_checkpointing": False}
    options |= {"enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    trainer: Any = pl.Trainer(callbacks=[BatchSizeFinder(), LearningRateFinder()], **options)
    (note,) = restrain_tuners(trainer, feeding.Fed(), continues=continues)
    assert note.endswith("search it, as in data.init_args: {batch_size: ~choice(32, 64)}")
    assert any(isinstance(each, LearningRateFinder) for each in trainer.callbacks) is not continues
    assert not any(isinstance(each, BatchSizeFinder) for each in trainer.callbacks)
