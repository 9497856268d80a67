from __future__ import annotations

from pathlib import Path

from hpsearch.spec.events import EventLog, read_events
from hpsearch.spec.messages import Ended, Report


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
