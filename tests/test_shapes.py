"""Projects of the twelve shapes that people have go through every command, from a study file alone.

Each search is killed in its first trial and resumed, and what its trials report is compared with
an undisturbed search. What trains here, trains in this process; the full round (`make faults`)
also kills searches whose trials have processes of their own.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from fault_score import FULL, left_out
from searching import SHAPES as FOLDER
from searching import Search
from striking import Striker

from hpsearch.classes.check import check_components
from hpsearch.cli import main
from hpsearch.protocol.events import read_events
from hpsearch.protocol.messages import Report
from hpsearch.search.store import load_record, open_storage
from hpsearch.studyfile.read import read_parsed

PROJECTS = FOLDER / "projects"
STEPS = {
    "max_epochs": -1,
    "max_steps": 12,
    "val_check_interval": 3,
    "check_val_every_n_epoch": None,
}
MODULES: dict[str, dict[str, Any]] = {
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
SHAPES = [*MODULES, *sorted(path.name for path in PROJECTS.iterdir())]


def study_of(shape: str) -> dict[str, Any]:
    """Returns the study file of a shape; each of its projects brings its own."""
    if shape not in MODULES:
        study = yaml.safe_load((PROJECTS / shape / "study.yaml").read_text())
    else:
        settings = {"name": "shape", "sampler": "random", "pruner": "none", "seed": 1, "trials": 2}
        sections = {"trainer": {"max_epochs": 2}, **MODULES[shape]}
        study = {"study": {**settings, "objective": sections.pop("objective")}, **sections}
    callbacks = study["trainer"].get("callbacks") or []
    study["trainer"]["callbacks"] = [*callbacks, {"class_path": "striking.Killed"}]
    return study


def put_project(folder: Path, shape: str) -> None:
    """Puts the files of a project into a folder, its study file with them."""
    if shape in MODULES:
        folder.mkdir()
    else:
        shutil.copytree(PROJECTS / shape, folder)
    (folder / "study.yaml").write_text(yaml.safe_dump(study_of(shape), sort_keys=False))


def reports(number: int, study: str = "shape") -> dict[int, Any]:
    """Returns what a trial has reported, by its step."""
    events = read_events(Path(f"runs/{study}/trial-{number:04d}/events.jsonl"))
    return {event.step: event.values for event in events if isinstance(event, Report)}


@pytest.fixture(scope="module")
def striker() -> Iterator[Striker]:
    striker = Striker()
    yield striker
    striker.close()


@pytest.fixture
def project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Path]:
    """A folder with the project of a shape, the current one; its modules are forgotten again."""
    folder = tmp_path / "project"
    put_project(folder, request.param)
    monkeypatch.chdir(folder)
    monkeypatch.delenv("HPSEARCH_STORAGE", raising=False)
    monkeypatch.setattr(sys, "path", [*sys.path])
    known = {*sys.modules}
    yield folder
    for name in {*sys.modules} - known:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.mark.process
@pytest.mark.parametrize("project", SHAPES, indirect=True)
def test_a_project_goes_through_every_command_though_its_search_is_killed(
    project: Path, striker: Striker
) -> None:
    inline = ["--inline", "--devices", "cpu:1"]

    assert main(["check", "study.yaml", "--devices", "cpu:1"]) == 0
    assert striker.run("run", "study.yaml", *inline) == -9, Path("killed.txt").read_text()
    assert len(reports(0)) == 1
    assert main(["resume", "shape", *inline]) == 0
    assert main(["confirm", "shape", *inline, "--top", "1", "--seeds", "2"]) == 0
    assert main(["report", "shape"]) == 0
    assert main(["export", "shape", "--format", "state"]) == 0
    assert main(["best", "shape", "--yaml", "best.yaml"]) == 0

    searched = load_record(open_storage("sqlite:///hpsearch.db"), "shape")
    assert searched.counts["complete"] == 2
    assert check_components(read_parsed("best.yaml")) == ()
    assert main(["run", "study.yaml", *inline, "--set", "study.name=whole", "--trials", "1"]) == 0
    assert reports(0) == reports(0, "whole")


@pytest.mark.skipif(not FULL, reason=left_out("a project of other shapes is killed"))
@pytest.mark.parametrize("shape", MODULES)
def test_a_killed_project_equals_an_undisturbed_one(tmp_path: Path, shape: str) -> None:
    whole, killed = (Search(tmp_path / name, study_of(shape)) for name in ("whole", "killed"))
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
