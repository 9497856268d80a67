"""A file beside a study that hides a module of Python is named, by every command that needs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hpsearch.classes.shadowing import refuse_hidden_modules
from hpsearch.cli import main
from hpsearch.errors import InputError

STUDY = """
study: {name: tiny, objective: {val_accuracy: maximize}, sampler: random, pruner: none, trials: 1}
model: {class_path: tested.TestedModel, init_args: {width: "~int(2, 8)"}}
data: {class_path: tested.TestedData}
trainer: {max_epochs: 1}
"""


@pytest.mark.parametrize(
    "name", ["random.py", "queue.py", "secrets.py", "types/__init__.py", "select.so", "torch.py"]
)
def test_files_that_are_imported_instead_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch()
    module = name.partition(".")[0].partition("/")[0]
    what = "the library torch" if module == "torch" else f"Python's own module {module}"
    with pytest.raises(InputError) as caught:
        refuse_hidden_modules([str(tmp_path)])
    assert str(caught.value) == (
        f"{tmp_path / name} hides {what}: it is imported in its place. Rename it, and what imports"
        " it"
    )


@pytest.mark.parametrize(
    "name", ["randoms.py", "random.txt", "random/data.py", "test.py", "tests/__init__.py", "random"]
)
def test_files_that_hide_nothing_pass(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch()
    refuse_hidden_modules([str(tmp_path), str(tmp_path / "not there")])


def test_all_of_them_are_named_at_once(tmp_path: Path) -> None:
    for name in ("queue.py", "random.py"):
        (tmp_path / name).touch()
    with pytest.raises(InputError, match=r"queue\.py hides(?s:.*)random\.py hides"):
        refuse_hidden_modules([str(tmp_path), str(tmp_path)])


@pytest.mark.process
def test_every_command_names_the_file_in_the_current_folder_or_the_studys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "tiny.yaml").write_text(STUDY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HPSEARCH_STORAGE", raising=False)
    assert main(["run", "sub/tiny.yaml", "--inline", "--devices", "cpu:1"]) == 0
    commands = (
        *(["run", "sub/tiny.yaml", "--set", "study.name=b"], ["check", "sub/tiny.yaml"]),
        *(["summary", "sub/tiny.yaml"], ["resume", "tiny"], ["confirm", "tiny"]),
        ["export", "tiny", "-o", "m.onnx"],
    )
    for place in (tmp_path, tmp_path / "sub"):
        (place / "random.py").write_text("import numpy")
        for command in commands:
            capsys.readouterr()
            assert main(command) == 2, command
            said = capsys.readouterr().err
            assert f"{place}/random.py hides Python's own module random" in said, command
        if place == tmp_path:
            # As its own process, in which Python itself would look into the current folder first.
            line = [sys.executable, "-m", "hpsearch", *commands[0]]
            done = subprocess.run(line, capture_output=True, text=True, check=False)
            assert (done.returncode, done.stdout) == (2, "")
            assert done.stderr.startswith("error: ")
            assert "random.py hides Python's own module random" in done.stderr
        (place / "random.py").unlink()
