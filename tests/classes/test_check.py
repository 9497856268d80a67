import sys

import pytest

from hpsearch.classes import check
from hpsearch.classes.check import check_components
from hpsearch.studyfile.document import Document, Location
from hpsearch.studyfile.parse import notes_on, parse_study
from hpsearch.studyfile.read import read_parsed

CLASSES = """
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from pytorch_lightning import LightningDataModule, LightningModule


class Net(LightningModule):
    def __init__(self, hidden: int, input_shape: Sequence[int], widths: tuple[int, ...] = (),
                 kind: Literal["relu", "gelu"] = "relu", hook: Callable[[], None] | None = None,
                 odd: "NotThere" = None, act: Any = None, rate=0.1, **kwargs: Any) -> None: ...


class Unfinished(LightningModule, ABC):
    @abstractmethod
    def forward(self): ...


class Images(LightningDataModule):
    def __init__(self, split_seed: int, rate: float = 0.0, augment: Mapping[str, Any] | None = None,
                 flip: bool = False) -> None: ...


class Relu:
    def __init__(self, slope: float = 0.0) -> None: ...
"""
OTHER_NAMESPACE = """
from lightning.pytorch import LightningDataModule


class Images(LightningDataModule): ...
"""
STUDY = """\
study:
  name: small
  objective: {val_accuracy: maximize}
  trials: 4
model:
  class_path: netlib.Net
  init_args:
    hidden: ~int(8, 64)
data:
  class_path: netlib.Images
optimizer:
  ~choice:
    adam:
      class_path: torch.optim.Adam
      init_args:
        lr: ~float(1e-4, 1e-2, log=True)
        betas: [0.9, 0.999]
    sgd:
      class_path: torch.optim.SGD
trainer:
  max_epochs: 12
"""


@pytest.fixture
def file(tmp_path):
    (tmp_path / "netlib.py").write_text(CLASSES)
    (tmp_path / "othertree.py").write_text(OTHER_NAMESPACE)
    path = tmp_path / "small.yaml"
    path.write_text(STUDY)
    yield path
    for name in ("netlib", "othertree"):
        sys.modules.pop(name, None)


def errors_of(path, *overrides):
    return [
        f"{diagnostic.path}: {diagnostic.message}"
        for diagnostic in check_components(read_parsed(path, overrides))
    ]


def test_a_right_study_has_no_errors(file):
    callback = "{class_path: pytorch_lightning.callbacks.EarlyStopping, init_args: {monitor: a}}"
    schedule = "{class_path: torch.optim.lr_scheduler.OneCycleLR, init_args: {max_lr: 0.1}}"
    overrides = [
        "model.widths=[8, 16]",
        "model.kind=gelu",
        "model.odd=[1]",
        "model.hook=torch.nn.functional.relu",
        "model.act={class_path: netlib.Relu}",
        "data.rate=1",
        f"trainer.callbacks=[{callback}, null]",
        "trainer.gradient_clip_val=0.5",
        f"schedule={schedule}",
        "study.sampler=gp",
        "study.pruner={class_path: patient, init_args: {patience: 2, wrapped_pruner: "
        "{class_path: median}}}",
        "trainer.callbacks=[pytorch_lightning.callbacks.ModelSummary, null]",
    ]
    assert errors_of(file, *overrides) == []


@pytest.mark.parametrize(
    ("override", "diagnostic"),
    [
        (
            "model.init_args={hiden: 3}",
            "model.hiden: netlib.Net has no argument 'hiden'; did you mean 'hidden'?",
        ),
        ("data.rat=3", "data.rat: netlib.Images has no argument 'rat'; did you mean 'rate'?"),
        ("model.hidden=~float(0.5, 4)", "model.hidden: must be int, not 0.5"),
        ("model.hidden=true", "model.hidden: must be int, not True"),
        ("model.hidden=~choice(8, wide)", "model.hidden: must be int, not 'wide'"),
        ("model.widths=[8, 1.5]", "model.widths: must be tuple[int, ...], not [8, 1.5]"),
        ("model.kind=tanh", "model.kind: must be relu or gelu, not 'tanh'"),
        ("model.class_path=netlib.Nte", "netlib has no class 'Nte'; did you mean 'Net'?"),
        (
            "model.class_path=netlib.Relu",
            "model.class_path: must be LightningModule, not netlib.Relu",
        ),
        ("model.class_path=netlib.Unfinished", "netlib.Unfinished is abstract; name one of its"),
        (
            "model.act={class_path: netlib.Relu, init_args: {slop: 1}}",
            "model.act.slop: netlib.Relu has no argument 'slop'; did you mean 'slope'?",
        ),
        ("model.act={class_path: netlib.Rlu}", "netlib has no class 'Rlu'; did you mean 'Relu'?"),
        ("model.init_args={}", "model.hidden: netlib.Net needs the argument 'hidden'"),
        ("data.rate=fast", "data.rate: must be float, not 'fast'"),
        ("data.flip=1", "data.flip: must be true or false, not 1"),
        ("data.class_path=netlib.Net", "must be LightningDataModule, not netlib.Net"),
        ("optimizer.adam.lrr=1", "optimizer.adam.lrr: torch.optim.Adam has no argument 'lrr'"),
        ("optimizer.sgd.class_path=netlib.Relu", "must be Optimizer, not netlib.Relu"),
        (
            "schedule.class_path=torch.optim.lr_scheduler.StepLR",
            "schedule.step_size: torch.optim.lr_scheduler.StepLR needs the argument 'step_size'",
        ),
        ("trainer.max_epoch=3", "the Trainer has no argument 'max_epoch'; did you mean 'max_epo"),
        ("trainer.min_epochs=few", "trainer.min_epochs: must be Optional[int], not 'few'"),
        (
            "trainer.precision=17",
            "trainer.precision: must be 64 or 32 or 16 or transformer-engine or",
        ),
        ("trainer.deterministic=yes!", "deterministic: must be true or false or warn, not 'yes!'"),
        ("trainer.callbacks=[early]", "must be Callback | list[Callback | None] | None, not ['ea"),
        (
            "trainer.callbacks=[{class_path: netlib.Relu}]",
            "0.class_path: must be Optional[Callback], not",
        ),
        ("study.sampler={class_path: tpe, init_args: {grp: 1}}", "has no argument 'grp'; did you"),
        (
            "study.sampler=optuna.pruners.NopPruner",
            "must be BaseSampler, not optuna.pruners.NopPruner",
        ),
        ("study.pruner=percentile", "needs the argument 'percentile'"),
        (
            "study.pruner={class_path: percentile, init_args: {percentile: 500}}",
            "Percentile must be between 0 and 100 inclusive, but got percentile=500",
        ),
        ("study.sampler=torch.optim.Adam", "must be BaseSampler, not torch.optim.Adam"),
        ("data={class_path: torch.optim.Adam}", "must be LightningDataModule, not torch.optim.Ad"),
    ],
)
def test_each_error_is_reported_once(file, override, diagnostic):
    diagnostics = errors_of(file, override)
    assert len(diagnostics) == 1
    assert diagnostic in diagnostics[0]


@pytest.mark.parametrize(
    ("name", "meant"), [("hiden", "; did you mean 'hidden'?"), ("outputs", "")]
)
def test_a_name_that_only_kwargs_can_take_is_passed_on_with_a_note(file, name, meant):
    notes = []
    assert check_components(read_parsed(file, [f"model.{name}=3"]), notes.append) == ()
    assert notes == [
        f"--set model.{name}=3: note: model.{name}: netlib.Net gets '{name}' in its **kwargs{meant}"
    ]


@pytest.mark.parametrize(
    ("written", "line"),
    [("{min: 0.1, max: 0.5}", "~float(0.1, 0.5)"), ("[0.1, 0.2]", "~choice(0.1, 0.2)")],
)
def test_a_sweep_in_the_place_of_a_value_without_a_type_is_noted(file, written, line):
    notes = []
    assert check_components(read_parsed(file, [f"model.rate={written}"]), notes.append) == ()
    (note,) = notes
    assert note.endswith(f"as 'rate', since it names no type; to search it, write {line}")
    notes.clear()
    assert check_components(read_parsed(file, [f"model.act={written}"]), notes.append) == ()
    assert notes == []


@pytest.mark.parametrize(
    ("pruner", "expected"),
    [
        ("hyperband", ""),
        ("{class_path: asha, init_args: {min_resource: 12}}", "it begins after min_resource=12"),
        ("{class_path: median, init_args: {n_warmup_steps: 11}}", ""),
        ("{class_path: patient, init_args: {patience: 20, wrapped_pruner: null}}", "patience=20"),
        ("none", ""),
    ],
)
def test_a_pruner_that_can_never_fire_is_reported(file, pruner, expected):
    notes = []
    check_components(read_parsed(file, [f"study.pruner={pruner}"]), notes.append)
    assert bool(notes) is bool(expected)
    assert expected in " ".join(notes)


@pytest.mark.parametrize(
    ("study", "expected"),
    [
        ({"sampler": "gp", "pruner": "median"}, "gp learns only from trials that were trained wh"),
        ({"sampler": "gp", "pruner": "none"}, ""),
        ({"sampler": "cmaes", "scheduler": "promote"}, "and most are paused; write sampler: rungs"),
        ({"sampler": "tpe", "scheduler": "promote"}, "tpe learns only from trials that are not pa"),
        ({"sampler": "tpe", "pruner": "hyperband"}, ""),
        ({"sampler": "rungs", "scheduler": "promote"}, ""),
    ],
)
def test_a_sampler_that_learns_from_few_trials_is_named(study, expected):
    tree = {
        "study": {"name": "s", "objective": {"a": "maximize"}, "trials": 9, **study},
        "model": {"class_path": "torch.nn.Linear", "init_args": {"in_features": "~float(0, 1)"}},
        "trainer": {"max_epochs": 9},
    }
    parsed = parse_study(Document(tree, Location("the study")))
    notes = [note for path, note in notes_on(parsed) if path == ("study", "sampler")]
    assert bool(notes) is bool(expected)
    assert expected in " ".join(notes)


def test_a_pruner_that_can_never_fire_counts_validations_where_those_are_reports(file):
    notes = []
    changes = ["study.pruner={class_path: asha, init_args: {min_resource: 60}}"]
    check_components(read_parsed(file, [*changes, "trainer.val_check_interval=0.25"]), notes.append)
    assert "it begins after min_resource=60, and a trial has 48 validations" in notes[0]


def test_errors_stand_at_their_lines(file):
    text = STUDY.replace("hidden: ~int(8, 64)", "hiden: 4").replace("lr: ~float", "lrr: ~float")
    file.write_text(text.replace("torch.optim.SGD", "torch.optim.SDG") + "  max_epoch: 3\n")
    diagnostics = check_components(read_parsed(file))
    assert [(diagnostic.line, diagnostic.path) for diagnostic in diagnostics] == [
        (8, "model.hiden"),
        (16, "optimizer.adam.lrr"),
        (19, "optimizer.sgd.class_path"),
        (22, "trainer.max_epoch"),
    ]
    assert diagnostics[0].excerpt[1] == ">    8 |     hiden: 4"


@pytest.mark.parametrize(
    "override",
    [
        "model.hidden=~int(64, 8)",
        "model.hidden=yes",
        "model.widths=[8, ~itn(1, 2)]",
        "model.widths=[~int(8, 16), 8]",
        "model.act={class_path: netlib.Relu, init_args: {slope: yes}}",
        "model.act={init_args: {slope: 1}}",
        "model.class_path=yes",
        "model.init_args=yes",
        "model.init_args=[1]",
        "model={class_path: netlib.Net, init_arg: {hidden: 3}}",
        "model=yes",
        "model=3",
        "model={class_path: netlib.Net, hidden: 3}",
        "data=~chioce(a, b)",
        "optimizer.adam=yes",
        "optimizer={~choise: {a: null}}",
        "optimizer={~choice: {adam: {class_path: torch.optim.Adam}}}",
        "trainer=yes",
        "trainer={epochs: 3}",
        "trainer.max_epochs=many",
        "trainer.max_epochs=~float(1, 3)",
        "trainer.plugins=[{init_args: {a: 1}}]",
        "trainer.callbacks=[yes]",
        "study.sampler=cmaes",
        "study={name: x, objective: {a: maximize}, trials: 3, sampler: tpee}",
        "a=1",
    ],
)
def test_an_error_of_the_text_is_not_followed_by_one_of_the_classes(file, override):
    parsed = read_parsed(file, [override])
    assert len(parsed.diagnostics) == 1
    assert check_components(parsed) == ()


def test_sound_parts_are_checked_beside_errors_of_the_text(file):
    text = STUDY.replace("~int(8, 64)", "~int(64, 8)").replace("  trials", "  trails")
    text = text.replace("lr: ~float", "lrr: ~float").replace("Images", "Imgaes")
    file.write_text(text)
    parsed = read_parsed(file)
    assert [diagnostic.line for diagnostic in parsed.diagnostics] == [4, 8]
    assert [diagnostic.line for diagnostic in check_components(parsed)] == [10, 16]


def test_model_and_data_of_different_trees_are_refused(file):
    assert errors_of(file, "data.class_path=othertree.Images") == [
        "data.class_path: the data module comes from lightning and the model from "
        "pytorch_lightning, which do not mix; take both from one"
    ]


def test_a_sampler_whose_package_is_missing_is_refused(file, monkeypatch):
    monkeypatch.setattr(check, "is_installed", lambda package: package != "scipy")
    assert errors_of(file, "study.sampler=gp") == [
        "study.sampler: GPSampler needs the package scipy; pip install scipy"
    ]


def test_the_study_s_folder_is_on_the_search_path_only_while_checking(file):
    before = list(sys.path)
    check_components(read_parsed(file))
    assert sys.path == before
