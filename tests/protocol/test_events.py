from __future__ import annotations

import json
from pathlib import Path

import pytest

from hpsearch.protocol.events import EventLog, read_events, read_record
from hpsearch.protocol.job import Identity, identity_of
from hpsearch.protocol.messages import Ended, Report, to_line


def report(step: int, value: float) -> Report:
    return Report(step, {"val_accuracy": value}, {"val_accuracy": value}, float(step))


def test_events_are_read_back_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    log = EventLog(path)
    log.append(report(1, 0.5))
    log.append(Ended("complete", facts={"epochs": 1}))

    assert read_events(path) == [report(1, 0.5), Ended("complete", facts={"epochs": 1})]
    assert EventLog(path).reports == [report(1, 0.5)]


def test_a_line_that_a_kill_has_torn_costs_no_other_line(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    EventLog(path).append(report(1, 0.5))
    whole = path.read_bytes()
    path.write_bytes(whole + whole[: len(whole) // 2])

    EventLog(path).append(report(2, 0.6))

    assert read_events(path) == [report(1, 0.5), report(2, 0.6)]


def test_a_digit_that_the_disk_has_changed_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    log = EventLog(path)
    log.append(report(1, 0.5))
    log.append(report(2, 0.6))
    path.write_bytes(path.read_bytes().replace(b"0.5", b"0.9", 1))

    assert read_events(path) == [report(2, 0.6)]


def test_any_flipped_bit_costs_its_own_line_only(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    log = EventLog(path)
    log.append(report(1, 0.5))
    length = path.stat().st_size
    log.append(report(2, 0.6))
    whole = path.read_bytes()
    for place in range(length - 1):
        data = bytearray(whole)
        data[place] ^= 1
        path.write_bytes(data)
        assert read_events(path) in ([report(2, 0.6)], [report(1, 0.5), report(2, 0.6)]), place


def test_every_line_is_json(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    EventLog(path).append(report(1, 0.5))

    assert json.loads(path.read_text())["step"] == 1


def test_lines_of_an_earlier_version_are_read(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text(to_line(report(1, 0.5)) + "\n")

    assert read_events(path) == [report(1, 0.5)]


def test_a_trial_that_has_not_begun_has_no_events(tmp_path: Path) -> None:
    assert read_events(tmp_path / "events.jsonl") == []


def test_the_best_report_is_the_first_with_the_best_value(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events.jsonl")
    for step, value in enumerate([0.5, 0.7, 0.6, 0.7], start=1):
        log.append(report(step, value))

    assert log.best("val_accuracy", "maximize") == report(2, 0.7)
    assert log.best("val_accuracy", "minimize") == report(1, 0.5)


def test_epochs_that_will_be_trained_again_are_forgotten(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events.jsonl")
    for step in (1, 2, 3):
        log.append(report(step, 0.1 * step))

    log.drop_after(1)

    assert log.best("val_accuracy", "maximize") == report(1, 0.1)


MINE = identity_of("study-a", 3, {"x": 0.5}, 11)


def test_each_attempt_begins_with_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    EventLog(path, MINE, "first").append(report(1, 0.5))
    log = EventLog(path, MINE, "second")
    log.append(report(2, 0.6))
    log.append(Ended("complete"))

    record = read_record(path, MINE)
    assert record.proved
    assert list(record.events) == [report(1, 0.5), report(2, 0.6), Ended("complete")]
    assert [owner["attempt"] for owner in record.owners] == ["first", "second"]
    assert record.owners[0] == {**MINE, "attempt": "first"}
    assert json.loads(path.read_text().splitlines()[0])["kind"] == "Owner"


@pytest.mark.parametrize(
    "other",
    [
        identity_of("study-b", 3, {"x": 0.5}, 11),
        identity_of("study-a", 4, {"x": 0.5}, 11),
        identity_of("study-a", 3, {"x": 0.6}, 11),
        identity_of("study-a", 3, {"x": 0.5}, 12),
    ],
    ids=["study", "trial", "parameters", "seed"],
)
def test_a_record_is_not_that_of_another(tmp_path: Path, other: Identity) -> None:
    path = tmp_path / "events.jsonl"
    EventLog(path, other, "a").append(report(1, 0.9))

    record = read_record(path, MINE)

    assert not record.proved
    assert (record.events, record.foreign) == ((), 2)


def test_lines_of_another_trial_among_those_of_this_one_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    EventLog(path, MINE, "a").append(report(1, 0.5))
    other = EventLog(path, identity_of("study-a", 3, {"x": 0.6}, 11), "b")
    other.append(report(2, 0.9))
    EventLog(path, MINE, "c").append(report(2, 0.6))

    record = read_record(path, MINE)

    assert (record.proved, record.foreign) == (True, 2)
    assert list(record.events) == [report(1, 0.5), report(2, 0.6)]


def test_a_missing_line_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    log = EventLog(path, MINE, "a")
    for step in (1, 2, 3):
        log.append(report(step, 0.1 * step))
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:2] + lines[3:]))

    record = read_record(path, MINE)

    assert (record.missing, record.damaged) == (1, 0)
    assert [event.step for event in record.reports] == [1, 3]


def test_a_record_of_an_earlier_version_is_continued_with_owner_lines(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    EventLog(path).append(report(1, 0.5))
    assert not read_record(path, MINE).proved

    EventLog(path, MINE, "a").append(report(2, 0.6))

    record = read_record(path, MINE)
    assert (record.proved, record.missing, record.damaged) == (True, 0, 0)
    assert list(record.events) == [report(1, 0.5), report(2, 0.6)]
