"""A process of a trial on two devices is killed at a random moment: the trial continues."""

from __future__ import annotations

import random
import time
from pathlib import Path

import psutil
import pytest
from fault_score import Score
from searching import Search, check_budget, study_of

pytestmark = pytest.mark.process

TRIALS, EPOCHS = 2, 30


@pytest.mark.fault("29. a process of a trial on two devices is killed", short=0, full=5)
def test_a_killed_process_of_several_costs_an_epoch_at_most(
    tmp_path: Path, score: Score, repeat: int
) -> None:
    chance = random.Random(repeat)
    study = study_of(TRIALS, EPOCHS, devices_per_trial=2)
    search = Search(tmp_path / "search", study, slots=2)
    search.begin()
    try:
        while score.strikes < 4:
            search.wait_for_reports(chance.randint(2, 8))
            time.sleep(chance.random() * 0.05)
            running = search.trial_processes()
            if not running:
                continue
            number, trial = chance.choice([*running.items()])
            ranks = trial.children()
            if len(ranks) != 2 or search.count_reports(number) >= EPOCHS - 1:
                continue
            before = search.count_reports(number)
            chance.choice(ranks).kill()
            killed = time.monotonic()
            search.wait_for(lambda n=number, b=before: search.count_reports(n) > b)  # type: ignore[misc]
            score.struck()
            score.worst("s until it had trained another epoch", time.monotonic() - killed)
        assert search.wait_for_end() == 0, search.output
        check_budget(search, TRIALS, EPOCHS)
    finally:
        search.close()
    assert not [one for one in psutil.process_iter() if _is_of(one, search)]


def _is_of(process: psutil.Process, search: Search) -> bool:
    try:
        return str(search.folder) in str(Path(f"/proc/{process.pid}/cwd").readlink())
    except OSError:
        return False
