"""Who continues, who pauses and who is next, with and without a budget in epochs."""

from __future__ import annotations

import random

import pytest

from hpsearch.search.rungs.epochs import EpochBudget
from hpsearch.search.rungs.ladder import Ladder, Promotion, rungs_up_to
from hpsearch.search.rungs.scheduler import AUDITED, OUT_OF_EPOCHS, Scheduler


def scheduler(epochs: int | None = None, longest: int = 9) -> Scheduler:
    ladder = Ladder(rungs_up_to(longest, 3), eta=3)
    return Scheduler(ladder, EpochBudget(epochs), longest, ["maximize"])


def search(
    of: Scheduler, trials: int, slots: int, seed: int, longest: int = 9
) -> dict[int, list[int]]:
    """Runs a whole search of random values; returns the epochs of each trial in order."""
    rng = random.Random(seed)
    trained: dict[int, list[int]] = {}
    running: list[int] = []
    paused: set[int] = set()
    while True:
        while len(running) < slots:
            found = of.promotion(paused)
            if found is None and len(trained) < trials and of.may_begin():
                number = len(trained)
                trained[number] = []
            else:
                found = found or of.promotion(paused, closing=True)
                if found is None:
                    break
                number = found.number
                of.ladder.promote(number)
                paused.remove(number)
            of.begin(number, longest)
            running.append(number)
        if not running:
            return trained
        number = rng.choice(running)
        epoch = len(trained[number]) + 1
        trained[number].append(epoch)
        decision = of.report(number, epoch, [rng.random()])
        if epoch == longest:
            of.finish(number)
        elif decision.action == "pause":
            of.stop(number)
            paused.add(number)
        if epoch == longest or decision.action == "pause":
            running.remove(number)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("slots", [1, 2, 8])
def test_a_budget_in_epochs_is_never_exceeded_and_leaves_a_whole_model(seed, slots):
    of = scheduler(epochs=60)
    trained = search(of, 1000, slots, seed)
    assert sum(map(len, trained.values())) == of.epochs.spent <= 60
    assert of.epochs.spent >= 60 - 2
    assert max(map(len, trained.values())) == 9


@pytest.mark.parametrize("trials", [1, 2, 3, 10, 60])
def test_a_budget_in_trials_leaves_a_whole_model_however_few_they_are(trials):
    trained = search(scheduler(), trials, 2, 0)
    assert len(trained) == trials
    assert max(map(len, trained.values())) == 9


def test_a_trial_that_is_still_leaving_for_its_pause_is_not_promoted():
    of = scheduler()
    of.begin(0, 9)
    assert of.report(0, 1, [0.9]).action == "pause"
    assert of.promotion(set(), closing=True) is None
    assert of.promotion({0}, closing=True) == Promotion(0, 1)


def test_a_trial_that_is_trained_whole_holds_its_epochs_from_the_start():
    of = scheduler(epochs=12)
    of.begin(0, 9, whole=True)
    assert of.epochs.left == 3
    of.begin(1, 9)
    assert of.report(1, 1, [0.9]).action == "pause"


def test_an_audited_trial_trains_to_its_end_where_it_would_pause():
    of = scheduler(epochs=60)
    for number in range(2):
        of.begin(number, 9)
        of.report(number, 1, [0.5])
    of.begin(2, 9)
    decision = of.report(2, 1, [0.1], audit=True)
    assert (decision.action, decision.rung, decision.reason) == ("continue", 1, AUDITED)
    assert of.epochs.held(2) == 9
    assert 2 not in [found.number for found in of.ladder.promotable(closing=True)]
    poor = scheduler(epochs=12)
    for number in range(2):
        poor.begin(number, 9)
        decision = poor.report(number, 1, [0.5 - number / 10], audit=number > 0)
    assert decision.action == "pause", "the leader's epochs are kept for it"


def test_without_epochs_for_the_next_stop_a_trial_pauses():
    of = scheduler(epochs=12)
    for number in range(3):
        of.begin(number, 9)
        of.report(number, 1, [number / 10])
    decision = of.report(2, 3, [0.9])
    assert (decision.action, decision.reason) != ("pause", OUT_OF_EPOCHS)
    for number in (3, 4):
        of.begin(number, 9)
        decision = of.report(number, 1, [number / 10])
    assert (decision.action, decision.reason) == ("pause", OUT_OF_EPOCHS)


def test_a_restored_search_continues_from_where_each_trial_rests():
    of = scheduler(epochs=30)
    rests = [
        of.restore(0, {1: [0.9], 2: [0.8], 3: [0.7]}, promoted=(1,)),
        of.restore(1, {1: [0.5]}, promoted=()),
        of.restore(2, {1: [0.4], 2: [0.4]}, promoted=(1,)),
        of.restore(3, {}, promoted=()),
    ]
    assert rests == [3, 1, 0, 0]
    assert of.epochs.left == 30 - 6


def test_a_lost_leader_frees_its_reserve_for_the_next():
    of = scheduler(epochs=30)
    of.begin(0, 9, whole=True)
    of.lose(0)
    assert of.epochs.left == 30
    assert of.may_begin()
