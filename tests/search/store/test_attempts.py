"""The record of each attempt at a trial: how far it got, and how much of it was lost."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import Trial
from scripted import report

from hpsearch.engines.slots import Slot
from hpsearch.protocol.messages import Ended
from hpsearch.search.store.create import create_study
from hpsearch.search.store.database import open_storage
from hpsearch.search.store.writer import StudyWriter
from hpsearch.studyfile.study import StudySpec

SLOT = Slot("cpu:0", "cpu", 1)
SPEC = StudySpec.from_document(
    {
        "study": {
            "pruner": "none",
            "name": "tiny",
            "objective": {"score": "maximize"},
            "trials": 1,
        },
        "model": {"class_path": "a.Model", "init_args": {"x": "~float(0, 1)"}},
        "data": {"class_path": "a.Data"},
        "trainer": {"max_epochs": 9},
    }
)


class Clock:
    """A clock that stands still until it is advanced."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock)
    return clock


@pytest.fixture
def writer(tmp_path: Path) -> StudyWriter:
    storage = open_storage(f"sqlite:///{tmp_path}/study.db")
    return StudyWriter(create_study(SPEC, storage, tmp_path), SPEC)


def known(trial: Trial) -> list[tuple[Any, ...]]:
    attempts = trial.user_attrs["attempts"]
    return [(one["from_epoch"], one["epochs"], one["lost_s"], one["how"]) for one in attempts]


def test_an_attempt_loses_what_it_trained_since_its_last_report(
    writer: StudyWriter, clock: Clock
) -> None:
    trial = writer.ask(0)
    writer.attempts.note(trial, SLOT)
    writer.attempts.begin(trial, 0)
    clock.now += 10
    writer.report(trial, report(1, 0.5))
    clock.now += 2.5
    writer.attempts.close(trial, "its process ended early")
    assert known(trial) == [(0, 1, 2.5, "its process ended early")]


def test_a_later_attempt_counts_from_the_epoch_that_it_continues_from(
    writer: StudyWriter, clock: Clock
) -> None:
    trial = writer.ask(0)
    writer.attempts.note(trial, SLOT)
    writer.attempts.begin(trial, 0)
    for step in (1, 2):
        writer.report(trial, report(step, 0.5))
    writer.attempts.close(trial, "its process ended early")

    writer.attempts.note(trial, SLOT)
    writer.attempts.begin(trial, 1)
    clock.now += 4
    writer.attempts.close(trial, "interrupted")
    assert known(trial)[1] == (1, 1, 4.0, "interrupted")


def test_an_attempt_that_never_trained_loses_the_time_it_took(
    writer: StudyWriter, clock: Clock
) -> None:
    trial = writer.ask(0)
    writer.attempts.note(trial, SLOT)
    clock.now += 3
    writer.attempts.close(trial, "its process ended early")
    assert known(trial) == [(None, None, 3.0, "its process ended early")]


def test_an_attempt_that_completes_its_trial_loses_nothing(
    writer: StudyWriter, clock: Clock
) -> None:
    trial = writer.ask(0)
    writer.attempts.note(trial, SLOT)
    writer.attempts.begin(trial, 0)
    writer.report(trial, report(1, 0.5))
    clock.now += 3
    writer.tell(trial, Ended("complete"), report(1, 0.5))
    frozen = writer.trials()[0]
    assert frozen.user_attrs["attempts"][0]["lost_s"] is None
    assert frozen.user_attrs["attempts"][0]["epochs"] == 1


def test_of_a_killed_coordinators_attempt_the_epochs_are_known_and_the_time_is_not(
    writer: StudyWriter, clock: Clock
) -> None:
    trial = writer.ask(0)
    writer.attempts.note(trial, SLOT)
    writer.attempts.begin(trial, 0)

    later = StudyWriter(writer._study, SPEC)
    (again,) = later.unfinished()
    later.replay(again, [report(1, 0.5), report(2, 0.6)])
    clock.now += 60
    later.attempts.note(again, SLOT)
    assert known(again) == [(0, 2, None, "killed"), (None, None, None, None)]


def test_an_attempt_that_an_older_version_began_is_ended_like_any_other(
    writer: StudyWriter,
) -> None:
    trial = writer.ask(0)
    trial.set_user_attr("attempts", [{"started": "2026-01-01", "from_epoch": 0, "ended": None}])
    writer.attempts.note(trial, SLOT)
    first = trial.user_attrs["attempts"][0]
    assert (first["how"], first["epochs"]) == ("killed", None)
