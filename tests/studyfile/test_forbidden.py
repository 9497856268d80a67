import sys

import pytest

from hpsearch.classes.check import check_components
from hpsearch.classes.components import ComponentError, resolve
from hpsearch.studyfile.forbidden import forbidden_reason
from hpsearch.studyfile.read import read_parsed

STUDY = """\
study: {name: small, objective: {val_accuracy: maximize}, trials: 4}
model: {class_path: m.Net}
data: {class_path: m.Data}
trainer: {max_epochs: 12}
"""
EVIL = [
    "os.system",
    "subprocess.Popen",
    "builtins.eval",
    "builtins.open",
    "runpy.run_path",
    "shutil.rmtree",
    "posix.system",
    "importlib.import_module",
    "ctypes.CDLL",
    "antigravity.x",
]


@pytest.mark.parametrize("class_path", EVIL)
def test_the_standard_library_is_refused_by_its_name(class_path):
    reason = f"{class_path} is part of Python's standard library, which a study file may not call"
    assert (forbidden_reason(class_path) or "").startswith(reason)


@pytest.mark.parametrize(
    "class_path",
    ["pathlib.Path", "datetime.timedelta", "torch.optim.Adam", "random", "oslo.Net", "m.os"],
)
def test_classes_of_others_and_harmless_ones_are_not(class_path):
    assert forbidden_reason(class_path) is None


@pytest.mark.parametrize(
    ("override", "path"),
    [
        ("model.class_path=os.system", "model.class_path"),
        ("model.act={class_path: os.system}", "model.act.class_path"),
        ("model.act=[1, {a: {class_path: os.system}}]", "model.act.1.a.class_path"),
        ('model.class_path="~choice(m.Net, os.system)"', "model.class_path"),
        ("model.class_path={~choice: {a: m.Net, b: os.system}}", "model.class_path.b"),
        ("optimizer={~choice: {a: {class_path: m.A}, b: {class_path: os.system}}}", "optimizer.b"),
        ("trainer.callbacks=[{class_path: os.system}]", "trainer.callbacks.0.class_path"),
        ("trainer.logger={class_path: os.system}", "trainer.logger.class_path"),
        ("study.sampler=os.system", "study.sampler"),
        ("study.sampler={class_path: os.system}", "study.sampler.class_path"),
        ("study.pruner={class_path: patient, init_args: {wrapped_pruner: os.system}}", "wrapped"),
        ("study.pruner={class_path: m.P, init_args: {a: [{class_path: os.system}]}}", "pruner.a"),
    ],
)
def test_a_hostile_class_is_refused_wherever_it_stands(tmp_path, override, path):
    (tmp_path / "small.yaml").write_text(STUDY)
    diagnostics = read_parsed(tmp_path / "small.yaml", [override]).diagnostics
    assert len(diagnostics) == 1
    assert path in diagnostics[0].path
    assert "os.system is part of Python's standard library" in diagnostics[0].message


def test_a_hostile_class_is_never_imported(tmp_path):
    (tmp_path / "small.yaml").write_text(STUDY)
    parsed = read_parsed(tmp_path / "small.yaml", ["model.class_path=antigravity.x"])
    assert not [
        diagnostic for diagnostic in check_components(parsed) if "antigravity" in diagnostic.message
    ]
    assert "antigravity" not in sys.modules


@pytest.mark.parametrize("line", ["from subprocess import Popen as Net", "from os import system"])
def test_another_name_for_a_hostile_class_is_refused_too(tmp_path, monkeypatch, line):
    (tmp_path / "disguise.py").write_text(line)
    monkeypatch.syspath_prepend(tmp_path)
    name = line.split()[-1]
    with pytest.raises(ComponentError, match=r"(Popen|system) is part of Python"):
        resolve(f"disguise.{name}")
    sys.modules.pop("disguise")
