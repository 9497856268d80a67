"""The text of the classes says whether importing them pays; the importing check decides."""

import subprocess
import sys
from pathlib import Path

import pytest

from hpsearch.classes.check import check_components
from hpsearch.classes.static import passes_statically
from hpsearch.studyfile.read import read_parsed

STUDIES = sorted((Path(__file__).parents[2] / "studies").glob("*.yaml"))
CLASSES = """
from collections.abc import Sequence
from typing import Any, Literal, TYPE_CHECKING

import pytorch_lightning as pl
from pytorch_lightning import LightningDataModule

if TYPE_CHECKING:
    from nowhere import Sequence


class Net(pl.LightningModule):
    def __init__(self, hidden: int, input_shape: Sequence[int], rate: float = 0.1,
                 kind: Literal["relu", "gelu"] = "relu", *,
                 widths: "tuple[int, ...] | None" = None, act: Any = None) -> None: ...


class Images(LightningDataModule):
    def __init__(self) -> None: ...


class Relu:
    def __init__(self, slope: float = 0.0) -> None: ...


class Inherits(Relu): ...


class Open(Relu):
    def __init__(self, **kwargs) -> None: ...


Alias = Net

try:
    from netparts import Part
except ImportError:
    Part = None
"""
STUDY = """\
study: {name: small, objective: {val_accuracy: maximize}, trials: 4}
model: {class_path: netlib.Net, init_args: {hidden: 3}}
data: {class_path: netlib.Images}
trainer: {max_epochs: 12}
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    (tmp_path / "netlib.py").write_text(CLASSES)
    path = tmp_path / "small.yaml"
    path.write_text(STUDY)
    yield path
    sys.modules.pop("netlib", None)


@pytest.mark.parametrize("study", STUDIES, ids=lambda path: path.stem)
def test_our_own_studies_are_sound_by_their_text(study):
    assert passes_statically(read_parsed(study))


@pytest.mark.parametrize(
    "override",
    [
        "model.hidden=~int(8, 64)",
        "model.rate=1",
        "model.kind=~choice(relu, gelu)",
        "model.widths=[8, 16]",
        "model.widths=null",
        "model.act={class_path: netlib.Relu, init_args: {slope: 0.5}}",
        "model.act=[1, {a: b}]",
        "optimizer={class_path: torch.optim.Adam, init_args: {lr: 1e-3, betas: [0.9, 0.99]}}",
        "optimizer={class_path: torch.optim.SGD, init_args: {lr: 1e-3, momentum: 0.9}}",
        "optimizer={class_path: torch.optim.AdamW, init_args: {weight_decay: 0.1}}",
        "schedule={class_path: torch.optim.lr_scheduler.StepLR, init_args: {step_size: 3}}",
        "schedule={class_path: torch.optim.lr_scheduler.OneCycleLR, init_args: {max_lr: 0.1}}",
        "trainer.callbacks=[{class_path: pytorch_lightning.callbacks.EarlyStopping, init_args: "
        "{monitor: a, patience: 3}}]",
        "trainer.gradient_clip_val=0.5",
        "study.sampler=gp",
        "study.sampler=cmaes",
        "study.sampler=nsgaii",
        "study.pruner={class_path: patient, init_args: {patience: 2, wrapped_pruner: "
        "{class_path: median}}}",
    ],
)
def test_what_is_right_is_sound_in_both_checks(file, override):
    assert passes_statically(read_parsed(file, [override]))
    assert check_components(read_parsed(file, [override])) == ()


@pytest.mark.parametrize(
    "override",
    [
        "model.hiden=3",
        "model.init_args={}",
        "model.class_path=netlib.Nte",
        "model.class_path=nolib.Net",
        "model.class_path=netlib.Relu",
        "model.act={class_path: netlib.Relu, init_args: {slop: 1}}",
        "optimizer={class_path: torch.optim.Adam, init_args: {lrr: 1}}",
        "optimizer={class_path: torch.optim.Adamm}",
        "schedule={class_path: torch.optim.lr_scheduler.StepLR}",
        "trainer.max_epoch=3",
        "trainer.callbacks=[{class_path: netlib.Relu, init_args: {slop: 1}}]",
    ],
)
def test_what_is_named_wrongly_is_not_sound(file, override):
    assert not passes_statically(read_parsed(file, [override]))


@pytest.mark.parametrize("name", ["Inherits", "Open", "Alias", "Part"])
def test_what_the_text_does_not_tell_is_left_to_the_import(file, name):
    path = f"model.act={{class_path: netlib.{name}, init_args: {{slope: 1}}}}"
    assert not passes_statically(read_parsed(file, [path]))


def test_a_module_whose_text_is_not_python_is_not_sound(file):
    (file.parent / "netlib.py").write_text(f"{CLASSES}\nx = (\n")
    assert not passes_statically(read_parsed(file))


def test_an_error_of_the_text_does_not_make_the_classes_doubtful(file):
    parsed = read_parsed(file, ["model.hidden=~int(64, 8)", "study.trials=0"])
    assert len(parsed.diagnostics) == 2
    assert passes_statically(parsed)


@pytest.mark.process
def test_reading_the_classes_of_a_study_imports_none_of_them():
    code = (
        "import sys; from hpsearch.studyfile.read import read_parsed; "
        "from hpsearch.classes.static import passes_statically; "
        f"assert passes_statically(read_parsed({str(STUDIES[0])!r})); "
        "assert not {'torch', 'optuna', 'pytorch_lightning', 'hpsearch.models'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
