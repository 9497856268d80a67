"""A trial continues only from its own intact files; others are moved aside and reported."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from scripted import Watcher, report

from hpsearch.protocol.events import EventLog
from hpsearch.protocol.job import Job
from hpsearch.search.coordinator.own_record import open_record


def job_of(folder: Path) -> Job:
    objectives = {"score": "maximize"}
    return Job("tiny", 3, {"x": 0.5}, {}, objectives, 0, 11, str(folder), study_id="a")  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a trial that has reported three epochs and saved each."""
    folder = tmp_path / "trial-0003"
    folder.mkdir()
    log = EventLog(folder / "events.jsonl", job_of(folder).identity, "1-a")
    for step in (1, 2, 3):
        log.append(report(step, 0.1 * step))
        (folder / "last.json").write_text(json.dumps({"step": step, "epoch": step}))
    return folder


def lines(folder: Path) -> list[bytes]:
    return (folder / "events.jsonl").read_bytes().splitlines(keepends=True)


def without_line(number: int) -> Callable[[Path], None]:
    def cut(folder: Path) -> None:
        kept = [line for place, line in enumerate(lines(folder)) if place != number]
        (folder / "events.jsonl").write_bytes(b"".join(kept))

    return cut


def half_of_the_last_line(folder: Path) -> None:
    os.truncate(folder / "events.jsonl", (folder / "events.jsonl").stat().st_size - 20)


@pytest.mark.parametrize(
    "lose",
    [
        without_line(0),
        without_line(2),
        without_line(3),
        half_of_the_last_line,
        lambda folder: (folder / "events.jsonl").unlink(),
    ],
    ids=["its owner", "between others", "the last", "half of the last", "all"],
)
def test_a_trial_whose_record_has_lost_reports_starts_over(
    lose: Callable[[Path], None], folder: Path
) -> None:
    """The best of the epochs that are left would be shown as the best of all."""
    lose(folder)
    watcher = Watcher()

    assert open_record(job_of(folder), watcher).reports == []

    aside = folder.parent / "orphans" / "trial-0003.lost-reports"
    assert [path.name for path in aside.iterdir() if path.name == "last.json"] == ["last.json"]
    assert not folder.exists()
    assert watcher.notes == [
        "trial 3: its record has lost reports, so its best epoch is unknown; its files are in"
        f" {aside} now, and it starts over"
    ]


def test_a_trial_that_has_only_its_best_checkpoint_starts_over_without_its_record(
    folder: Path,
) -> None:
    (folder / "last.json").rename(folder / "best.json")
    (folder / "events.jsonl").unlink()
    watcher = Watcher()

    assert open_record(job_of(folder), watcher).reports == []

    assert "its record has lost reports" in watcher.notes[0]


def test_a_report_whose_epoch_was_not_saved_loses_nothing(folder: Path) -> None:
    """A kill came between the two, or within the line."""
    watcher = Watcher()
    (folder / "last.json").write_text(json.dumps({"step": 2, "epoch": 2}))
    assert [each.step for each in open_record(job_of(folder), watcher).reports] == [1, 2, 3]
    half_of_the_last_line(folder)
    assert [each.step for each in open_record(job_of(folder), watcher).reports] == [1, 2]
    # It was not validated, so that it has no report.
    (folder / "last.json").write_text(json.dumps({"step": 3, "epoch": 3, "reported": False}))
    assert [each.step for each in open_record(job_of(folder), watcher).reports] == [1, 2]
    assert watcher.notes == []


@pytest.mark.parametrize("name", ["output.txt", "claim", "params.yaml", "best.ckpt", "last.json"])
@pytest.mark.parametrize(("make", "kind"), [(os.mkfifo, "a pipe"), (os.mkdir, "a folder")])
def test_what_is_not_a_file_is_renamed_and_never_opened(
    name: str, make: Callable[[Path], None], kind: str, folder: Path
) -> None:
    (folder / name).unlink(missing_ok=True)
    make(folder / name)
    watcher = Watcher()

    assert len(open_record(job_of(folder), watcher).reports) == 3

    assert watcher.notes == [
        f"trial 3: {folder / name} was {kind}, not a file; it is {name}.damaged now"
    ]
    assert (folder / f"{name}.damaged").exists()
    assert not (folder / name).exists()


def test_a_pipe_in_the_place_of_the_record_is_a_record_that_is_lost(folder: Path) -> None:
    (folder / "events.jsonl").unlink()
    os.mkfifo(folder / "events.jsonl")
    watcher = Watcher()

    assert open_record(job_of(folder), watcher).reports == []

    renamed, over = watcher.notes
    assert renamed.endswith("was a pipe, not a file; it is events.jsonl.damaged now")
    assert over.endswith("and it starts over")


def test_a_file_in_the_place_of_the_folder_is_renamed(tmp_path: Path) -> None:
    folder = tmp_path / "trial-0003"
    folder.write_text("mine")
    watcher = Watcher()

    assert open_record(job_of(folder), watcher).reports == []

    assert watcher.notes == [
        f"trial 3: {folder} was a file, not a folder; it is trial-0003.damaged now"
    ]
    assert (tmp_path / "trial-0003.damaged").read_text() == "mine"
