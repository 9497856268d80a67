"""A trial's process is killed at a random moment: the trial continues under its own number."""

from __future__ import annotations

import random
import time

import pytest
from fault_score import Score
from searching import EPOCHS, TRIALS, Search, check_budget, check_equal

pytestmark = pytest.mark.process

KILLS = 10
KILLS_A_TRIAL = 3


@pytest.mark.fault("1. a trial's process is killed", short=1, full=6)
def test_a_killed_trial_continues_at_once_and_ends_with_the_same_weights(
    search: Search, undisturbed: Search, score: Score, repeat: int
) -> None:
    chance = random.Random(repeat)
    struck: dict[int, int] = {}
    search.begin()
    while sum(struck.values()) < KILLS:
        search.wait_for_reports(chance.randint(1, 12))
        time.sleep(chance.random() * 0.05)
        running = search.trial_processes()
        mortal = [number for number in running if struck.get(number, 0) < KILLS_A_TRIAL]
        if not mortal:
            continue
        number = chance.choice(mortal)
        if search.count_reports(number) >= EPOCHS - 1:
            continue
        running[number].kill()
        struck[number] = struck.get(number, 0) + 1
        killed = time.monotonic()
        before = search.count_reports(number)
        search.wait_for(lambda n=number, b=before: search.count_reports(n) > b)  # type: ignore[misc]
        score.struck()
        score.worst("s until it had trained another epoch", time.monotonic() - killed)
    assert search.wait_for_end() == 0, search.output

    check_budget(search, TRIALS, EPOCHS)
    check_equal(search, undisturbed, TRIALS)
    assert score.figures["s until it had trained another epoch"] <= 10
