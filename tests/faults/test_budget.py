"""The number of trials and the time limit hold on any number of slots, whatever is killed."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from fault_score import Score
from searching import Search, check_budget, study_of

pytestmark = pytest.mark.process


@pytest.mark.fault("18. the number of trials, with 1, 3 or 8 slots and kills", short=1, full=7)
def test_the_number_of_trials_is_exact_on_any_number_of_slots(
    tmp_path: Path, score: Score, repeat: int
) -> None:
    chance = random.Random(repeat)
    slots = (3, 1, 8)[repeat % 3]
    search = Search(tmp_path, study_of(12, 6), slots=slots)
    search.begin()
    for _ in range(2):
        search.wait_for_reports(chance.randint(1, 15))
        running = search.trial_processes()
        if running:
            running[chance.choice(sorted(running))].kill()
            score.struck()
    search.kill_all()
    score.struck()
    search.resume()
    assert search.wait_for_end() == 0, search.output

    check_budget(search, 12, 6)


@pytest.mark.fault("18. the time limit", short=1, full=10)
def test_the_time_limit_is_kept_within_an_epoch(tmp_path: Path, score: Score, repeat: int) -> None:
    search = Search(tmp_path, study_of(1000, 50), options=("--timeout", "3s"))
    began = time.monotonic()
    search.begin()
    search.wait_for_reports(1)
    trained = time.monotonic() - began
    search.wait_for_end()
    score.struck()
    score.worst("s over the limit", time.monotonic() - began - max(3.0, trained))

    record = search.record()
    assert (record.counts["running"], record.counts["failed"]) == (0, 0)
    assert score.figures["s over the limit"] <= 30
