from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from hpsearch.studyfile.read import read_study
from hpsearch.studyfile.study import StudySpec, filled_document
from hpsearch.views.winner import is_unedited, study_file, study_named_in

DOCUMENT = {
    "study": {
        "name": "mnist",
        "objective": {"val_accuracy": "maximize"},
        "sampler": "random",
        "trials": 9,
        "seed": 7,
    },
    "model": {
        "class_path": "a.Model",
        "init_args": {"width": "~int(1, 8)", "title": "~~x", "code": "1e-4", "flag": "true"},
    },
    "data": {"class_path": "a.Data"},
    "optimizer": {
        "~choice": {
            "adam": {"class_path": "torch.optim.Adam", "init_args": {"lr": "~float(1e-5, 1)"}},
            "sgd": {"class_path": "torch.optim.SGD", "init_args": {"lr": "~float(1e-3, 1)"}},
        }
    },
    "trainer": {"max_epochs": 2},
}
PARAMS = {"model.width": 3, "optimizer": "adam", "optimizer.adam.lr": 1e-5}


def test_ranges_and_branches_are_filled_in(make_trial: Any) -> None:
    spec = StudySpec.from_document(DOCUMENT)
    document = filled_document(spec, 4, PARAMS, 11)
    assert document["study"] == {
        "name": "mnist-trial-4",
        "objective": {"val_accuracy": "maximize"},
        "pruner": "none",
        "trials": 1,
        "seed": 7,
        "trial_seed": 11,
    }
    assert document["model"]["init_args"]["width"] == 3
    assert document["optimizer"] == {"class_path": "torch.optim.Adam", "init_args": {"lr": 1e-5}}


def test_file_reads_back_as_the_same_setting(make_trial: Any, tmp_path: Path) -> None:
    spec = StudySpec.from_document(DOCUMENT)
    path = tmp_path / "best.yaml"
    path.write_text(study_file(spec, make_trial(4, params=PARAMS), str(path)))
    again = read_study(path)
    assert again.space.parameters == {}
    assert again.space.sample(lambda name, _: None) == spec.space.sample(
        lambda name, _: PARAMS[name]
    )
    assert again.seed == spec.seed
    assert again.seed_of(0) == spec.seed_of(4) != spec.seed_of(0)


def test_file_opens_with_its_origin_and_how_to_run_it(make_trial: Any) -> None:
    spec = StudySpec.from_document(DOCUMENT)
    text = study_file(spec, make_trial(4, value=0.98765, params=PARAMS), "best.yaml")
    assert text.splitlines()[:2] == [
        "# Trial 4 of the study mnist, val_accuracy 0.9877.",
        "#   hpsearch run best.yaml",
    ]
    assert yaml.safe_load(text)["study"]["name"] == "mnist-trial-4"


def test_long_name_still_fits(make_trial: Any) -> None:
    study = DOCUMENT["study"] | {"name": "n" * 64}
    spec = StudySpec.from_document(DOCUMENT | {"study": study})
    name = filled_document(spec, 12, PARAMS, 11)["study"]["name"]
    assert len(name) == 64
    assert name.endswith("n-trial-12")


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (lambda text: text, True),
        (lambda text: text.replace("best.yaml", "other folder/winner.yaml"), True),
        (lambda text: text.replace("lr: ", "lr:  "), False),
        (lambda text: text + "# mine\n", False),
        (lambda text: text.replace("Trial 4", "Trial 5"), False),
        (lambda text: text.replace("Trial 4", "Trial 99"), False),
        (lambda text: text.replace("study mnist", "study other"), False),
        (lambda text: "", False),
    ],
)
def test_only_a_file_that_nobody_has_edited_may_be_replaced(
    make_trial: Any, edit: Callable[[str], str], expected: bool
) -> None:
    spec = StudySpec.from_document(DOCUMENT)
    trials = {number: make_trial(number, value=0.9, params=PARAMS) for number in (4, 5)}
    text = edit(study_file(spec, trials[4], "best.yaml"))
    assert is_unedited(text, spec, trials) is expected


@pytest.mark.parametrize("name", ["mnist", "a.b"])
@pytest.mark.parametrize("value", [0.9, None])
def test_a_file_names_the_study_that_it_is_of(
    make_trial: Any, name: str, value: float | None
) -> None:
    document = {**DOCUMENT, "study": {**DOCUMENT["study"], "name": name}}
    trial = make_trial(4, params=PARAMS, values=None if value is None else (value,))
    text = study_file(StudySpec.from_document(document), trial, "best.yaml")
    assert study_named_in(text) == name
    assert study_named_in(text.replace("# Trial", "# The trial")) is None
