"""A study of the database is opened once by each command: its stored file is parsed one time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from commanded import run_commands

from hpsearch.cli import main
from hpsearch.studyfile import study as spec_module

STUDY = """
study: {name: once, objective: {val_loss: minimize}, sampler: random, pruner: none, trials: 1}
model: {class_path: tiny.TinyModel, init_args: {width: "~int(2, 8)"}}
data: {class_path: tiny.TinyData}
trainer: {max_epochs: 1}
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_commands(tmp_path_factory, "once.yaml", STUDY, "run once.yaml --inline")


@pytest.mark.parametrize(
    "command",
    [
        ["run", "once.yaml", "--inline"],
        ["resume", "once", "--inline"],
        ["status", "once"],
        ["show", "once", "0"],
        ["best", "once"],
        ["report", "once"],
    ],
    ids=lambda command: command[0],
)
def test_a_stored_study_is_parsed_once(
    home: Path, command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    parsed: list[Any] = []
    parse = spec_module.parse_study
    monkeypatch.setattr(
        spec_module, "parse_study", lambda *given: parsed.append(given) or parse(*given)
    )
    assert main(command) == 0
    assert len(parsed) == 1
