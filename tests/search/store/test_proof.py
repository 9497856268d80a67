"""Whose files a trial's folder holds."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from hpsearch.protocol.events import EventLog
from hpsearch.protocol.job import identity_of
from hpsearch.protocol.messages import Report
from hpsearch.search.store import examine_folder, move_to_orphans, own_reports

PARAMS = {"x": 0.5}
MINE = identity_of("study-a", 3, PARAMS, 11)
ONE = Report(1, {"score": 0.5}, {"score": 0.5}, 1.0)


def folder_of(tmp_path: Path, **changes: object) -> Path:
    folder = tmp_path / "trial-0003"
    folder.mkdir()
    EventLog(folder / "events.jsonl", {**MINE, **changes}, "a").append(ONE)  # type: ignore[arg-type]
    return folder


@pytest.mark.parametrize(
    ("changes", "whose"),
    [
        ({}, "own"),
        ({"study": "study-b"}, "another study"),
        ({"trial": 4}, "another trial"),
        ({"parameters": "0"}, "other parameters"),
        ({"seed": 12}, "other parameters"),
    ],
)
def test_a_folder_is_its_trials_own_by_its_record(
    tmp_path: Path, changes: dict[str, object], whose: str
) -> None:
    evidence = examine_folder(folder_of(tmp_path, **changes), MINE, PARAMS)

    assert evidence.whose == whose
    assert evidence.foreign is (whose != "own")
    assert evidence.record.reports == ([ONE] if whose == "own" else [])


def test_reports_are_shown_for_their_own_parameters_only(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)

    assert own_reports(folder, "study-a", 3, PARAMS) == [ONE]
    assert own_reports(folder, "study-a", 3, {"x": 0.6}) == []
    assert own_reports(folder, "study-b", 3, PARAMS) == []


@pytest.mark.parametrize(
    ("params", "whose"), [(PARAMS, "own"), ({"x": 0.6}, "other parameters"), (None, "unknown")]
)
def test_files_of_an_earlier_version_are_known_by_the_parameters_beside_them(
    tmp_path: Path, params: dict[str, float] | None, whose: str
) -> None:
    EventLog(tmp_path / "events.jsonl").append(ONE)
    if params is not None:
        (tmp_path / "params.yaml").write_text(yaml.safe_dump({"params": params}))

    assert examine_folder(tmp_path, MINE, PARAMS).whose == whose


def test_nothing_is_lost_when_a_folder_is_set_aside(tmp_path: Path) -> None:
    first = move_to_orphans(folder_of(tmp_path), "other parameters")
    second = move_to_orphans(folder_of(tmp_path), "other parameters")

    assert first == tmp_path / "orphans" / "trial-0003.other-parameters"
    assert second == tmp_path / "orphans" / "trial-0003.other-parameters-2"
    assert (first / "events.jsonl").read_bytes() == (second / "events.jsonl").read_bytes()
