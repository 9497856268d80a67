"""Projects of the shapes that people have go through every command, each from a study file alone.

The short round trains in this process. The full one (`make faults`) runs each as a person does,
kills it in the middle and resumes it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from scoring import FULL
from searching import Search

from hpsearch.cli import main
from hpsearch.search.store import load_record, open_storage

STEPS = {
    "max_epochs": -1,
    "max_steps": 12,
    "val_check_interval": 3,
    "check_val_every_n_epoch": None,
}
SHAPES: dict[str, dict[str, Any]] = {
    "manual optimization": {
        "objective": {"val_distance": "minimize"},
        "model": {
            "class_path": "adversarial.Adversaries",
            "init_args": {"lr": "~float(0.001, 0.1)"},
        },
        "data": {"class_path": "adversarial.Numbers"},
    },
    "mappings": {
        "objective": {"val_loss": "minimize"},
        "model": {"class_path": "callbacks.OfMappings", "init_args": {"lr": "~float(0.01, 0.1)"}},
        "data": {"class_path": "callbacks.Mappings"},
    },
    "logger in the step": {
        "objective": {"val/loss": "minimize"},
        "model": {"class_path": "vae.Vae", "init_args": {"latent": "~int(1, 4)"}},
        "data": {"class_path": "vae.Pictures"},
    },
    "steps only": {
        "objective": {"val_loss": "minimize"},
        "model": {"class_path": "callbacks.Hoarding", "init_args": {"lr": "~float(0.01, 0.1)"}},
        "data": {"class_path": "callbacks.Testable", "init_args": {"kind": "endless"}},
        "trainer": STEPS,
    },
    "time series": {
        "objective": {"val_mse": "minimize"},
        "model": {"class_path": "series.Forecaster", "init_args": {"hidden": "~int(2, 8)"}},
        "data": {"class_path": "series.Waves", "init_args": {"batch_size": "~choice(8, 16)"}},
        "trainer": {"max_epochs": 2, "gradient_clip_val": 1.0, "val_check_interval": 0.5},
    },
    "segmentation": {
        "objective": {"val_iou": "maximize"},
        "model": {"class_path": "unet.UNet", "init_args": {"width": "~int(1, 3)"}},
        "data": {"class_path": "unet.Segments"},
    },
    "fine-tuning": {
        "objective": {"val_acc": "maximize"},
        "model": {"class_path": "transformer.FineTuned", "init_args": {"lr": "~float(1e-3, 1e-2)"}},
        "data": {"class_path": "transformer.Corpus"},
    },
}
ALWAYS = ("manual optimization", "steps only")


def study_of(shape: str, trials: int) -> dict[str, Any]:
    project = SHAPES[shape]
    settings = {"name": "shape", "sampler": "random", "pruner": "none", "seed": 1}
    return {
        "study": {**settings, "objective": project["objective"], "trials": trials},
        "model": project["model"],
        "data": project["data"],
        "trainer": project.get("trainer", {"max_epochs": 3}),
    }


@pytest.mark.parametrize(
    "shape",
    [
        pytest.param(name, marks=[] if FULL or name in ALWAYS else pytest.mark.skip("make faults"))
        for name in SHAPES
    ],
)
def test_a_project_goes_through_every_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shape: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HPSEARCH_STORAGE", raising=False)
    Path("study.yaml").write_text(yaml.safe_dump(study_of(shape, trials=2)))
    inline = ["--inline", "--devices", "cpu:1"]

    assert main(["check", "study.yaml", "--devices", "cpu:1"]) == 0
    assert main(["run", "study.yaml", *inline, "--trials", "1"]) == 0
    assert main(["resume", "shape", *inline, "--trials", "2"]) == 0
    assert main(["confirm", "shape", *inline, "--top", "1", "--seeds", "2"]) == 0
    assert main(["report", "shape"]) == 0
    assert main(["export", "shape", "--format", "state"]) == 0
    assert main(["best", "shape", "--yaml", "best.yaml"]) == 0

    searched = load_record(open_storage("sqlite:///hpsearch.db"), "shape")
    assert searched.counts["complete"] == 2
    assert main(["check", "best.yaml", "--devices", "cpu:1"]) == 0


@pytest.mark.skipif(not FULL, reason="takes too long for the short round: make faults")
@pytest.mark.parametrize("shape", SHAPES)
def test_a_killed_project_equals_an_undisturbed_one(tmp_path: Path, shape: str) -> None:
    whole, killed = (Search(tmp_path / name, study_of(shape, 2)) for name in ("whole", "killed"))
    whole.begin()
    assert whole.wait_for_end() == 0, whole.output
    killed.begin()
    killed.wait_for_reports(2)
    killed.kill_all()
    killed.resume()
    assert killed.wait_for_end() == 0, killed.output

    for number in (0, 1):
        ours, theirs = (
            {report.step: report.values for report in search.reports(number)}
            for search in (killed, whole)
        )
        assert ours == theirs
