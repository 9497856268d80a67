"""The training data of a trial that pauses and continues, where they follow the epoch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import feeding
import pytest
import torch
from desk import fed, run, weights
from torch.utils.data import DataLoader, Dataset, Subset

from hpsearch.protocol.job import Job


class Curriculum(feeding.Feed):
    """Loads more rows, and larger batches of them, for a later epoch."""

    def train_dataloader(self) -> DataLoader[Any]:
        epoch = self.trainer.current_epoch if self.trainer else 0
        noisy: Dataset[Any] = feeding.Noisy()
        return DataLoader(Subset(noisy, range(12 + 8 * epoch)), 4 + epoch, shuffle=True)


def trial(folder: Path, reloads: int) -> Job:
    several = {"max_epochs": 4, "val_check_interval": 0.5}
    one = fed(folder, "feeding.Fed", reload_dataloaders_every_n_epochs=reloads, **several)
    return replace(one, config={**one.config, "data": {"class_path": f"{__name__}.Curriculum"}})


@pytest.mark.parametrize("reloads", [0, 2, 3])
def test_loaders_are_those_of_an_uninterrupted_trial(tmp_path: Path, reloads: int) -> None:
    """Those of the first epoch without reloading, else those of every n-th one.

    Two validations an epoch: it pauses after an epoch, within the next, and after that.
    """
    whole = run(trial(tmp_path / "whole", reloads)).reports
    pauses = (4, 5, 6, None)
    stops: list[dict[int, Any]] = [{step: "stop"} if step else {} for step in pauses]
    parts = [
        part for stop in stops for part in run(trial(tmp_path / "parts", reloads), stop).reports
    ]
    assert [(part.step, part.values) for part in parts] == [(r.step, r.values) for r in whole]
    wanted, got = (weights(tmp_path / way / "last.ckpt") for way in ("whole", "parts"))
    assert all(torch.equal(wanted[key], got[key]) for key in wanted)
