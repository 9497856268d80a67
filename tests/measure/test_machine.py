from __future__ import annotations

import shutil
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hpsearch.measure.machine import Finding, examine
from hpsearch.search.store.database import open_storage
from hpsearch.views.tables.machine import findings_table


def find(name: str, storage: str, runs: Path) -> Finding:
    return next(finding for finding in examine(storage, runs) if finding.name == name)


def test_a_database_that_opens_is_shown_with_schema_and_journal(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    open_storage(url)
    finding = find("database", url, tmp_path)
    assert finding.ok
    assert "opens (schema v" in finding.text
    assert finding.text.endswith("WAL)")


def test_a_missing_database_is_not_an_error(tmp_path: Path) -> None:
    finding = find("database", f"sqlite:///{tmp_path}/a.db", tmp_path)
    assert finding.ok
    assert finding.text.startswith("none yet: a first search makes sqlite:///")


def test_a_file_that_is_not_a_database_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_text("no database")
    assert not find("database", f"sqlite:///{tmp_path}/a.db", tmp_path).ok


def test_versions_of_what_trains_are_listed(tmp_path: Path) -> None:
    names = {finding.name for finding in examine(f"sqlite:///{tmp_path}/a.db", tmp_path)}
    wanted = {"python", "hpsearch", "torch", "pytorch-lightning", "optuna"}
    assert wanted | {"cpu", "memory", "disk", "clock"} <= names


def test_folder_of_runs_need_not_exist(tmp_path: Path) -> None:
    assert "free for" in find("disk", "sqlite:///a.db", tmp_path / "not" / "yet").text


def test_nearly_full_disk_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1e9))
    finding = find("disk", "sqlite:///a.db", tmp_path)
    assert not finding.ok
    assert "1.0 GB free" in finding.text
    assert "make room" in finding.text


def test_clock_that_was_never_set_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert not find("clock", "sqlite:///a.db", tmp_path).ok


def test_every_line_begins_with_its_result(on_screen: Any) -> None:
    text = on_screen(findings_table([Finding("cpu", "2 cores"), Finding("disk", "full", ok=False)]))
    assert [line.split()[:2] for line in text.splitlines()] == [["ok", "cpu"], ["warn", "disk"]]
