"""Studies that an earlier version began: continued, shown, confirmed and reported by this one.

`kept/begun-by-0.1.0.zip` was made by version 0.1.0: a search of four trials, of which two are
complete and confirmed, and the third was killed after its first epoch.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from hpsearch.cli import main

KEPT = Path(__file__).parent / "kept" / "begun-by-0.1.0.zip"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    with zipfile.ZipFile(KEPT) as archive:
        archive.extractall(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def printed(capsys: pytest.CaptureFixture[str], *command: str) -> Any:
    capsys.readouterr()
    assert main([*command, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_it_is_shown_as_it_was(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = printed(capsys, "status", "old")
    assert status["counts"]["complete"] == 2
    assert status["counts"]["waiting"] == 1
    assert status["confirmation"]["chosen"] == 1
    shown = printed(capsys, "show", "old", "1")
    assert shown["values"] == {"val_accuracy": 0.96875}
    assert [study["name"] for study in printed(capsys, "list")] == ["old"]


def test_its_confirmation_is_reported_again_and_nothing_is_opened(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ("--inline", "--runs", str(home / "runs"), "--accept-changes")
    found = printed(capsys, "confirm", "old", "--top", "2", "--seeds", "2", *where)
    assert found["chosen"] == 1
    assert len(printed(capsys, "status", "old")["test_evaluations"]) == 1


def test_it_continues_to_its_end_and_keeps_what_it_has(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ("--inline", "--runs", str(home / "runs"))
    assert main(["resume", "old", *where, "--accept-changes"]) == 0
    assert printed(capsys, "status", "old")["counts"]["complete"] == 4
    third = printed(capsys, "show", "old", "2")
    assert third["values_by_epoch"]["1"] == 0.8125, "only its own file had this report"
    assert main(["report", "old", "-o", "report.html"]) == 0
    assert "Trial 1" in (home / "report.html").read_text(encoding="utf-8")
