"""Data that are not there stop a search in one sentence, before any trial is spent."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hpsearch.search.store.database import open_storage
from hpsearch.search.store.load import load_record

pytestmark = pytest.mark.process

STUDY = """
study:
  name: faulty
  objective: {val_loss: minimize}
  trials: 4
model: {class_path: hpsearch.models.Softmax, init_args: {label_smoothing: 0.1}}
data: {class_path: hpsearch.data.ImageData, init_args: {source: FashionMNIST}}
trainer: {max_epochs: 3}
"""


def test_missing_data_stop_the_search_before_any_trial_is_spent(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(STUDY)

    run = subprocess.run(
        [sys.executable, "-m", "hpsearch", "run", "study.yaml", "--devices", "cpu:1"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "HPSEARCH_DATA": str(tmp_path / "nowhere")},
    )

    assert run.returncode == 1, run.stderr
    assert "train-images-idx3-ubyte" in run.stderr
    assert str(tmp_path / "nowhere") in run.stderr
    assert "Traceback" not in run.stderr
    storage = open_storage(f"sqlite:///{tmp_path}/hpsearch.db")
    assert load_record(storage, "faulty").counts["failed"] == 0
