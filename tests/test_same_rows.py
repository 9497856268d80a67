"""Every trial of a study, killed, resumed or confirmed, is validated on the same rows."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hpsearch.cli import main
from hpsearch.search.store import open_storage, open_study

STUBS = Path(__file__).parent / "stubs"
STUDY = """
study: {name: us, objective: {val_loss: minimize}, trials: 3, pruner: none}
model: {class_path: unseeded.Model, init_args: {lr: "~float(0.01, 0.1)", gate: gate}}
data: {class_path: unseeded.UnseededData}
trainer: {max_epochs: 3}
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "us.yaml").write_text(STUDY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HPSEARCH_STORAGE", raising=False)
    monkeypatch.setenv("PYTHONPATH", f"{STUBS}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    return tmp_path


def start_and_kill(home: Path) -> None:
    """Runs the search in processes until both slots have done an epoch, and kills them all."""
    command = [sys.executable, "-m", "hpsearch", "run", "us.yaml", "--devices", "cpu:2"]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    deadline = time.monotonic() + 120
    while sum(path.stat().st_size > 0 for path in home.glob("runs/us/*/events.jsonl")) < 2:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.mark.process
def test_an_unseeded_split_gives_every_trial_the_same_rows(
    home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    start_and_kill(home)
    (home / "gate").touch()
    assert main(["resume", "us", "--inline", "--devices", "cpu:1"]) == 0
    assert (
        main(["confirm", "us", "--top", "1", "--seeds", "3", "--inline", "--devices", "cpu:1"]) == 0
    )

    outputs = [path.read_text() for path in home.glob("runs/us*/*/output.txt")]
    printed = "\n".join([*outputs, capfd.readouterr().out])
    rows = re.findall(r"VALIDATION ROWS (\[[\d, ]+\])", printed)
    assert len(rows) >= 2 + 3 + 3, "two that were killed, three resumed, three confirmed"
    assert len(set(rows)) == 1


def test_a_split_in_prepare_data_and_validations_within_epochs_have_the_same_rows_too(
    home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (home / "gate").touch()
    study = STUDY.replace("UnseededData", "PreparedData").replace("trials: 3", "trials: 1")
    (home / "us.yaml").write_text(study.replace("epochs: 3", "epochs: 1, val_check_interval: 0.5"))
    ways = ("--inline", "--devices", "cpu:1")
    assert main(["run", "us.yaml", *ways]) == 0
    assert main(["resume", "us", "--add", "1", *ways]) == 0
    assert main(["confirm", "us", "--top", "1", "--seeds", "1", *ways]) == 0
    rows = re.findall(r"VALIDATION ROWS (\[[\d, ]+\])", capfd.readouterr().out)
    assert len(rows) >= 3
    assert len(set(rows)) == 1


UNSEEDED_ORDER = STUDY.replace("UnseededData", "UnseededOrderData")


def test_a_study_whose_trials_have_other_rows_says_so(
    home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (home / "gate").touch()
    (home / "us.yaml").write_text(UNSEEDED_ORDER)
    main(["run", "us.yaml", "--inline", "--devices", "cpu:1"])
    main(["show", "us", "1"])
    said = " ".join(capfd.readouterr().out.split())
    assert "validation rows of trial 1 are not those of the trials before it" in said


def test_data_that_change_between_run_and_resume_stop_the_search_and_cost_no_trial(
    home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (home / "gate").touch()
    assert main(["run", "us.yaml", "--inline", "--devices", "cpu:1"]) == 0
    assert main(["resume", "us", "--add", "1", "--inline", "--devices", "cpu:1"]) == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("torch.randn", _doubled())
        assert main(["resume", "us", "--add", "1", "--inline", "--devices", "cpu:1"]) == 2
    said = " ".join(capfd.readouterr().err.split())
    assert "the training data and validation data are not those of the study's earlier" in said
    assert main(["resume", "us", "--inline", "--devices", "cpu:1"]) == 0


PICTURES = """
study: {name: p, objective: {val_accuracy: maximize}, trials: 1, pruner: none}
model: {class_path: hpsearch.models.Softmax, init_args: {label_smoothing: "~float(0, 0.1)"}}
data:
  class_path: hpsearch.data.ImageData
  init_args: {source: ./pics, validation: 8, image_size: 8}
optimizer: {class_path: torch.optim.Adam, init_args: {lr: 0.05}}
trainer: {max_epochs: 1}
"""


def paint(home: Path, seed: int) -> None:
    chance = np.random.default_rng(seed)
    for name in "ab":
        (home / "pics" / name).mkdir(parents=True, exist_ok=True)
        for number in range(20):
            pixels = chance.integers(0, 256, (8, 8), np.uint8)
            Image.fromarray(pixels).save(home / "pics" / name / f"{number}.png")


def test_pictures_that_are_replaced_between_run_and_resume_are_noticed(
    home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    ways = ("--inline", "--devices", "cpu:1")
    paint(home, seed=0)
    (home / "p.yaml").write_text(PICTURES)
    assert main(["run", "p.yaml", *ways]) == 0
    paint(home, seed=1)
    for command in (["resume", "p", "--add", "1"], ["confirm", "p", "--top", "1", "--seeds", "1"]):
        assert main([*command, *ways]) == 2
        said = " ".join(capfd.readouterr().err.split())
        assert "the data are not those of the study's earlier trials: they have changed" in said
    assert main(["resume", "p", "--accept-changes", *ways]) == 0
    capfd.readouterr()
    assert main(["resume", "p", "--add", "1", *ways]) == 0, "they are the study's from then on"
    changes = open_study(open_storage("sqlite:///hpsearch.db"), "p").study.user_attrs
    [change] = changes["hpsearch:data_changes"]
    assert (change["trial"], change["changed"]) == (1, "data")


def _doubled():  # type: ignore[no-untyped-def]
    import torch

    plain = torch.randn
    return lambda *shape, **named: 2 * plain(*shape, **named)
