"""A trial hangs: after its limit it is killed, with all it started, and continues."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from fault_score import Score
from searching import Search, check_budget, study_of

pytestmark = pytest.mark.process

LIMIT_S = 6.0


def strike(folder: Path, score: Score, *, model: str, data: str) -> None:
    study = study_of(2, 5, hang_timeout=f"{LIMIT_S:.0f}s")
    study["model"]["class_path"] = model
    study["data"]["class_path"] = data
    search = Search(folder, study)
    search.begin()
    search.wait_for_reports(4)
    stuck = time.monotonic()
    search.wait_for_reports(2)
    score.worst("s until both continued", time.monotonic() - stuck)
    score.struck(2)

    assert search.wait_for_end() == 0, search.output
    record = check_budget(search, 2, 5)
    assert "gave no sign of life for 6 s (study.hang_timeout)" in search.output
    assert [len(trial.attempts) for trial in record.trials] == [2, 2], search.output
    assert score.figures["s until both continued"] <= LIMIT_S + 10


@pytest.mark.fault("17. a training step sleeps for ever", short=1, full=5)
def test_a_step_that_never_ends_is_killed_and_the_trial_continues(
    tmp_path: Path, score: Score, repeat: int
) -> None:
    strike(tmp_path, score, model="monotone_module.Sleeper", data="tiny.TinyData")


@pytest.mark.fault("17. a worker of the data loader never answers", short=1, full=5)
def test_a_loader_that_never_answers_is_killed_and_the_trial_continues(
    tmp_path: Path, score: Score, repeat: int
) -> None:
    strike(tmp_path, score, model="monotone_module.Monotone", data="monotone_module.Deadlocked")
