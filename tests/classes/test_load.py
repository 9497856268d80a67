from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hpsearch.classes.load import read_checked
from hpsearch.commands.context import report
from hpsearch.studyfile.diagnostics import StudyFileError

STUDY = """\
study: {name: small, objective: {a: maximize}}
model: {class_path: loudlib.Net}
data: {class_path: loudlib.Data}
trainer: 3
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "loudlib.py").write_text("import sys\nprint('imported', file=sys.stderr)\n")
    path = tmp_path / "small.yaml"
    path.write_text(STUDY)
    return path


def test_faults_of_the_text_are_printed_before_any_class_is_imported(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(StudyFileError, match="has no class 'Net'") as caught:
        read_checked(file, (), report)
    lines = capsys.readouterr().err.splitlines()
    assert "small.yaml:4: error: trainer: must be a mapping" in lines[0]
    assert lines[-1] == "imported"
    assert "must be a mapping" in str(caught.value)
    assert "must be a mapping" not in caught.value.unseen
    assert str(caught.value).endswith("has 3 errors")


@pytest.mark.process
@pytest.mark.parametrize("command", ["check", "run", "summary", "preview"])
def test_faults_of_the_text_wait_for_no_slow_import(file: Path, command: str) -> None:
    slow = {"torch", "numpy", "optuna", "pytorch_lightning"}
    (file.parent / "loudlib.py").write_text(
        f"import sys\nprint('slow:', {slow!r} & set(sys.modules), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "hpsearch", command, str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "slow: set()" in done.stderr


@pytest.mark.process
@pytest.mark.parametrize("command", ["check", "run"])
@pytest.mark.parametrize(("argument", "expected"), [("hidden", 1), ("hiden", 2)])
def test_torch_is_imported_only_where_the_classes_are_in_doubt(
    tmp_path: Path, command: str, argument: str, expected: int
) -> None:
    file = tmp_path / "small.yaml"
    file.write_text(
        "study: {name: small, objective: {a: maximize}, trials: 0}\n"
        f"model: {{class_path: hpsearch.models.CNN, init_args: {{{argument}: 8}}}}\n"
        "data: {class_path: hpsearch.data.ImageData}\ntrainer: {max_epochs: 1}\n"
    )
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "hpsearch", command, str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    modules = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert done.returncode == 2
    assert done.stderr.count(": error: ") == expected
    assert ("torch" in modules) == (expected == 2)


@pytest.mark.process
def test_the_classes_of_a_search_are_checked_where_its_trials_are_forked(tmp_path: Path) -> None:
    file = tmp_path / "small.yaml"
    file.write_text(
        "study: {name: small, objective: {a: maximize}, trials: 1}\n"
        "model: {class_path: hpsearch.models.CNN, init_args: {hidden: wide}}\n"
        "data: {class_path: hpsearch.data.ImageData}\ntrainer: {max_epochs: 1}\n"
    )
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "hpsearch", "run", str(file)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    modules = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert done.returncode == 2
    assert "small.yaml:2: error: model.hidden: must be int, not 'wide'" in done.stderr
    assert "torch" not in modules
