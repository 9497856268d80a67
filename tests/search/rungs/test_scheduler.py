"""Who continues, who pauses and who is next, with and without a budget in epochs."""

from __future__ import annotations

import random

import pytest

from hpsearch.search.rungs.epochs import EpochBudget
from hpsearch.search.rungs.ladder import FINISHES, Ladder, Promotion, rungs_up_to
from hpsearch.search.rungs.scheduler import AUDITED, KEPT, Scheduler


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
def test_a_budget_in_epochs_is_never_exceeded_and_leaves_three_whole_models(seed, slots):
    of = scheduler(epochs=60)
    trained = search(of, 1000, slots, seed)
    done = [*map(len, trained.values())]
    assert sum(done) == of.epochs.spent <= 60
    assert done.count(9) >= 3
    assert 60 - of.epochs.spent < 9 - 3, "a trial that waits at rung 3 could become whole"


@pytest.mark.parametrize(
    ("epochs", "whole"), [(9, 1), (17, 1), (35, 1), (36, 2), (53, 2), (54, 3), (90, 3)]
)
def test_the_finalists_may_take_half_of_the_budget(epochs, whole):
    for seed in range(5):
        trained = search(scheduler(epochs), 1000, 2, seed)
        assert [*map(len, trained.values())].count(9) >= whole


def with_paused(epochs_left: int | None, finalists: int = 1) -> Scheduler:
    """Of 12 epochs, trials 0 to 3 wait at rung 8 and 4 to 7 at rung 2, the best first; 8 is whole.

    They have trained 52 epochs, each in 10 s.
    """
    epochs = None if epochs_left is None else 52 + epochs_left
    of = Scheduler(Ladder((2, 8)), EpochBudget(epochs), 12, ["minimize"], finalists)
    for number in range(8):
        curve = {step: [number / 10] for step in ((1, 2, 5, 8) if number < 4 else (1, 2))}
        rung = of.restore(number, curve, promoted=(), seconds=10.0 * max(curve))
        assert rung == (8 if number < 4 else 2)
    of.restore(8, {12: [1.0]}, promoted=(2, 8), whole=True, seconds=120.0)
    return of


ALL_BUT_THE_BEST = frozenset(range(1, 8))


@pytest.mark.parametrize(
    ("left", "paused", "continues"),
    [
        (12, range(8), 0),
        (12, ALL_BUT_THE_BEST, None),
        (11, ALL_BUT_THE_BEST, 1),
        (11, (2, 3, 4), 2),
        (11, (4, 5), 4),
        (10, (5,), 5),
        (9, (4, 5), None),
        (4, ALL_BUT_THE_BEST, 1),
        (3, range(8), None),
    ],
)
def test_the_last_trainings_worth_of_epochs_goes_to_what_becomes_whole(left, paused, continues):
    of = with_paused(left)
    assert (of.may_begin(), of.finishing) == (left >= 12, left < 12)
    found = of.promotion(paused)
    assert (found.number if found else None) == continues
    if found and of.finishing:
        of.ladder.promote(found.number)
        of.begin(found.number, 12)
        assert of.epochs.left == left - (12 - found.rung), "it holds all that it needs"


# An epoch takes 10 s, and one more than a trial needs must fit.
@pytest.mark.parametrize(
    ("left_s", "paused", "continues"),
    [
        (130, ALL_BUT_THE_BEST, None),
        (129, ALL_BUT_THE_BEST, 1),
        (110, (4, 7), 4),
        (109, (3, 4), 3),
        (50, ALL_BUT_THE_BEST, 1),
        (49, ALL_BUT_THE_BEST, None),
    ],
)
def test_the_last_trainings_worth_of_time_goes_to_what_becomes_whole(left_s, paused, continues):
    of = with_paused(None)
    of.time.left_s = left_s
    found = of.promotion(paused)
    assert (found.number if found else None) == continues
    assert of.may_begin(), "if nothing can become whole: the next run may continue it"


def test_a_slow_trial_needs_its_own_time_to_become_whole():
    of = with_paused(None)
    of.time.train(1, 8, seconds=800.0)
    of.time.left_s = 100
    assert of.promotion(ALL_BUT_THE_BEST) == Promotion(2, 8)


@pytest.mark.parametrize(
    ("slots", "left_s", "last"), [(1, 139, True), (1, 140, False), (2, 139, False)]
)
def test_three_finalists_need_more_than_the_time_of_one_training(slots, left_s, last):
    # Four epochs each, and the two to the first rung of a new trial: 140 s in one slot.
    of = with_paused(None, finalists=3)
    of.lose(8)
    of.restore(9, {20: [1.0]}, promoted=(2, 8), seconds=200.0)
    of.lose(9)
    of.time.left_s, of.time.slots = left_s, slots
    assert of.finishing == last


def test_if_all_trainings_end_early_they_say_how_long_a_training_is():
    rungs = (1, 4, 16, 64, 256)
    of = Scheduler(Ladder(rungs), EpochBudget(2000), 1000, ["minimize"])
    of.time.left_s = 100 * 10.0
    of.restore(0, {1: [0.1], 4: [0.1], 16: [0.1]}, promoted=(1, 4), seconds=160.0)
    of.begin(1, 1000)
    for epoch in (1, 4, 16):
        of.ladder.promote(1)
        decision = of.report(1, epoch, [0.0], seconds=epoch * 10.0)
    of.report(1, 50, [0.0], seconds=500.0)
    assert (decision.rung, of.finishing) == (16, True), "1000 epochs do not fit into the time"
    of.finish(1)
    assert not of.finishing
    of.time.left_s = 50 * 10.0
    assert of.finishing
    assert of.promotion({0}) == Promotion(0, 16)
    of.begin(0, 1000)
    assert of.epochs.held(0) == 64


def test_where_nothing_can_become_whole_in_time_a_good_trial_does_not_pause():
    of = Scheduler(Ladder((1, 4)), EpochBudget(None), 12, ["minimize"])
    for number in range(4):
        of.begin(number, 12)
        decision = of.report(number, 1, [1.0 - number / 10], seconds=10.0)
        of.time.left_s = 50.0
    assert of.finishing
    assert (decision.action, decision.rung) == ("continue", 1)


def test_if_nobody_knows_how_long_a_training_is_nothing_is_kept():
    of = Scheduler(Ladder((1, 4, 16)), EpochBudget(50), 100, ["maximize"], finalists=0)
    assert of.may_begin()
    of.epochs.total = 0
    assert not of.may_begin()


def test_in_the_last_trainings_worth_a_trial_pauses_that_cannot_become_whole():
    of = with_paused(12)
    of.begin(9, 12)
    assert of.epochs.left == 10
    assert of.report(9, 2, [0.0]).action == "continue"
    assert of.epochs.left == 0, "it holds what it needs to become whole"
    of = with_paused(11)
    of.ladder.promote(4)
    of.begin(4, 12)
    assert of.report(4, 8, [0.15]).action == "pause", "a better one waits at that rung"
    of = with_paused(11)
    for number in (0, 4):
        of.ladder.promote(number)
    of.begin(4, 12)
    decision = of.report(4, 8, [0.05])
    assert (decision.action, decision.reason) == ("continue", FINISHES)
    of = with_paused(11)
    of.begin(9, 12)
    decision = of.report(9, 2, [0.0])
    assert (decision.action, decision.reason) == ("pause", KEPT)


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
    assert (decision.action, decision.reason) != ("pause", KEPT)
    for number in (3, 4):
        of.begin(number, 9)
        decision = of.report(number, 1, [number / 10])
    assert (decision.action, decision.reason) == ("pause", KEPT)


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
