"""The chosen setting trained on everything: as long as was confirmed, and on all images."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from hpsearch.data import ImageData
from hpsearch.protocol.job import Job
from hpsearch.trial.refit import refit
from hpsearch.trial.saving import checkpoint


def job(folder: Path, data: str = "tested.TestedData", **trainer: Any) -> Job:
    config = {
        "model": {"class_path": "tested.TestedModel"},
        "data": {"class_path": data},
        "trainer": {"max_epochs": 6, **trainer},
    }
    return Job("tiny", 0, {}, config, {"val_loss": "minimize"}, 1, 2, str(folder))


def state_of(path: Path) -> Any:
    return torch.load(path, weights_only=True)


def test_it_ends_after_the_confirmed_epochs(tmp_path: Path) -> None:
    result = refit(job(tmp_path), 4)
    assert result == {"checkpoint": str(tmp_path / "best.ckpt"), "epochs": 4}
    assert checkpoint.verified(tmp_path / "best.ckpt") == 4
    assert state_of(tmp_path / "best.ckpt")["global_step"] == 4 * 6, "96 examples, 16 a step"


def test_it_continues_from_where_it_was_killed_bit_for_bit(tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    refit(job(whole), 4)
    # A training that is to last two epochs leaves what a kill after the second would leave.
    refit(job(parts), 2)
    recipe = parts / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("epochs: 2", "epochs: 4"))
    refit(job(parts), 4)
    ours, theirs = (state_of(folder / "best.ckpt")["state_dict"] for folder in (whole, parts))
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_another_setting_starts_over(tmp_path: Path) -> None:
    refit(job(tmp_path), 3)
    first = state_of(tmp_path / "best.ckpt")["state_dict"]
    refit(replace(job(tmp_path), seed=9), 3)
    second = state_of(tmp_path / "best.ckpt")["state_dict"]
    assert any(not torch.equal(first[name], second[name]) for name in first)


def test_callbacks_that_wait_for_a_validation_metric_are_left_out(tmp_path: Path) -> None:
    stopping = {
        "class_path": "pytorch_lightning.callbacks.EarlyStopping",
        "init_args": {"monitor": "val_loss"},
    }
    assert refit(job(tmp_path, callbacks=[stopping]), 2)["epochs"] == 2


def test_averaged_weights_are_what_is_kept_after_all_epochs(tmp_path: Path) -> None:
    averaging = {
        "class_path": "pytorch_lightning.callbacks.StochasticWeightAveraging",
        "init_args": {"swa_lrs": 0.01, "swa_epoch_start": 1},
    }
    given = job(tmp_path, "hpsearch.data.ImageData", callbacks=[averaging], limit_train_batches=1)
    model = {
        "class_path": "hpsearch.models.CNN",
        "init_args": {"channels": [2], "batch_norm": True},
    }
    assert refit(replace(given, config={**given.config, "model": model}), 6)["epochs"] == 6
    assert state_of(tmp_path / "best.ckpt")["epoch"] == 6, "the pass for the statistics, from 0"


def test_a_data_module_without_a_way_to_train_on_everything_is_refused(tmp_path: Path) -> None:
    failure = refit(job(tmp_path, data="tiny.TinyData"), 2)["failure"]
    assert "TinyData has no method train_on_everything(); give it one" in failure


@pytest.mark.parametrize("copies", [False, True])
def test_image_data_trains_on_validation_images_too(copies: bool) -> None:
    data = ImageData(validation=5000, offline_copies=copies)
    data.setup("fit")
    split = data.split_fingerprint
    data.train_on_everything()
    data.setup("fit")
    assert len(data.training[1]) == 60_000 * (3 if copies else 1)
    assert len(data.val_dataloader()) in (0, 1)
    assert sum(len(batch.labels) for batch in data.val_dataloader()) == 0
    assert data.split_fingerprint == split, "which images were held out before is still known"
