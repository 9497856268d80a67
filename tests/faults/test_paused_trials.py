"""A search that pauses and promotes trials is killed and resumed, and ends as without kills."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from fault_score import FULL, Score
from searching import Search, check_repeats, study_of

pytestmark = pytest.mark.process

TRIALS, KILLS = (81, 5) if FULL else (12, 2)
EPOCHS = 9
OBJECTIVE = {"val_loss": "minimize"}


@pytest.mark.fault("28. trials that pause and are promoted, with kills", short=1, full=1)
def test_paused_trials_live_through_kills_and_continue_bit_by_bit(
    tmp_path: Path, score: Score, repeat: int
) -> None:
    chance = random.Random(repeat)
    promoting = study_of(TRIALS, EPOCHS, objective=OBJECTIVE, scheduler="promote")
    del promoting["study"]["pruner"]
    search = Search(tmp_path / "killed", promoting)
    search.begin()
    for _ in range(KILLS):
        search.wait_for_reports(chance.randint(2, TRIALS // 4))
        search.kill_all()
        score.struck()
        search.resume()
    assert search.wait_for_end() == 0, search.output

    record = search.record()
    assert record.state == "done", search.output
    assert [trial.number for trial in record.trials] == list(range(TRIALS))
    assert record.counts["complete"] >= 1
    for trial in record.trials:
        assert len(trial.values_by_epoch) in (1, 4, EPOCHS)
        check_repeats(search, trial)
    kept = list(search.runs.glob("trial-*/*.ckpt"))
    assert len(kept) == record.counts["complete"], "only whole models are left"
    _check_equal_to_straight_training(search, tmp_path / "straight")


def _check_equal_to_straight_training(search: Search, folder: Path) -> None:
    straight = Search(folder, study_of(TRIALS, EPOCHS, objective=OBJECTIVE))
    # Hundreds of epochs, where the other search had those of its best trials only.
    assert straight.begin().wait(1200) == 0, straight.output
    for number in range(TRIALS):
        ours, theirs = ({r.step: r.values for r in s.reports(number)} for s in (search, straight))
        assert ours.items() <= theirs.items(), f"trial {number} differs from a straight training"
