"""The study files of studies/: each says how to run it, is valid, and trains."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml
from inline import run_inline

from hpsearch.classes.load import read_checked
from hpsearch.search.run import SearchOutcome
from hpsearch.studyfile.read import read_study
from hpsearch.views.live.plain import PlainView

STUDIES = sorted((Path(__file__).parent.parent / "studies").glob("*.yaml"))
ARCHITECTURES = next(file for file in STUDIES if file.stem == "architectures")
BRANCHES = yaml.safe_load(ARCHITECTURES.read_text())["model"]["~choice"]
TWO_BATCHES = (
    "trainer.max_epochs=1",
    "trainer.limit_train_batches=2",
    "trainer.limit_val_batches=1",
)

each_study = pytest.mark.parametrize("file", STUDIES, ids=lambda file: file.stem)


def run_one_trial(file: Path, changes: Sequence[str], folder: Path) -> SearchOutcome:
    spec = read_study(file, (*changes, *TWO_BATCHES))
    view = PlainView(io.StringIO())
    return run_inline(spec, f"sqlite:///{folder / 'studies.db'}", folder, view, trials=1)


def test_every_study_is_there() -> None:
    assert {file.stem for file in STUDIES} == {
        *("softmax", "mlp", "cnn", "cnn_dropout", "cnn_augmented", "residual", "dilated"),
        *("architectures", "quickstart"),
        *("tutorial_networks", "tutorial_nodes", "tutorial_cnn"),
    }


@each_study
def test_study_opens_with_what_it_is_and_how_to_run_it(file: Path) -> None:
    first, *others = file.read_text().splitlines()
    comment = others[: next(i for i, line in enumerate(others) if not line.startswith("#"))]
    assert first.startswith("# ")
    assert any(line.startswith(f"#   hpsearch run studies/{file.name}") for line in comment)


def test_every_study_has_a_name_of_its_own() -> None:
    assert len({read_study(file).name for file in STUDIES}) == len(STUDIES)


@each_study
def test_study_is_valid_and_searches_something(file: Path) -> None:
    assert read_checked(file, (), print).space.parameters


@each_study
def test_study_trains(file: Path, tmp_path: Path) -> None:
    study = run_one_trial(file, (), tmp_path).study
    assert study.best is not None
    assert 0 <= study.best.values_by_epoch[1] <= 1
    assert Path(str(study.best.checkpoint)).is_file()


@pytest.mark.parametrize("branch", BRANCHES)
def test_every_architecture_trains(branch: str, tmp_path: Path) -> None:
    change = f"model={json.dumps(BRANCHES[branch])}"
    study = run_one_trial(ARCHITECTURES, [change], tmp_path).study
    assert study.counts["complete"] == 1, [trial.attributes for trial in study.trials]
