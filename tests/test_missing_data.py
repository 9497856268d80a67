"""Missing data stop a search in one sentence, as bad input, before any trial is spent."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from hpsearch.cli import main
from hpsearch.search.store.database import open_storage
from hpsearch.search.store.load import load_record

pytestmark = [pytest.mark.process, pytest.mark.usefixtures("warm")]

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

    assert run.returncode == 2, run.stderr
    assert "train-images-idx3-ubyte" in run.stderr
    assert str(tmp_path / "nowhere") in run.stderr
    assert "Traceback" not in run.stderr
    storage = open_storage(f"sqlite:///{tmp_path}/hpsearch.db")
    assert load_record(storage, "faulty").counts["failed"] == 0


PICTURES = """
study: {name: p, objective: {val_accuracy: maximize}, trials: 1, pruner: none}
model: {class_path: hpsearch.models.Softmax, init_args: {label_smoothing: "~float(0, 0.1)"}}
data:
  class_path: hpsearch.data.ImageData
  init_args: {source: ./pics, validation: 4, image_size: 8}
trainer: {max_epochs: 1}
"""


def test_pictures_that_cannot_be_used_are_named_and_skipped_only_when_asked_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HPSEARCH_STORAGE", raising=False)
    for name in "ab":
        (tmp_path / "pics" / name).mkdir(parents=True)
        for number in range(8):
            picture = Image.new("L", (8, 8), 20 * number)
            picture.save(tmp_path / "pics" / name / f"{number}.png")
        (tmp_path / "pics" / name / "bad.png").write_bytes(b"")
    (tmp_path / "p.yaml").write_text(PICTURES)
    run = ["run", "p.yaml", "--inline", "--devices", "cpu:1"]

    assert main(run) == 2
    said = capsys.readouterr().err
    assert "pics/a/bad.png: an empty file" in said
    assert "pics/b/bad.png: an empty file" in said
    assert "with skip_unreadable: true" in said

    assert main([*run, "--set", "data.skip_unreadable=true"]) == 0, capsys.readouterr().err
    assert load_record(open_storage("sqlite:///hpsearch.db"), "p").counts["complete"] == 1
