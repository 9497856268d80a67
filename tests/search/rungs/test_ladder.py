"""Which trials pause at a rung, which continue, and in which order."""

from __future__ import annotations

import pytest

from hpsearch.search.rungs.ladder import Ladder, Promotion, decide, places, rungs_up_to


@pytest.mark.parametrize(
    ("epochs", "eta", "first", "rungs"),
    [
        (50, 3, 1, (1, 3, 9, 27)),
        (10, 3, 1, (1, 3, 9)),
        (9, 3, 1, (1, 3)),
        (50, 4, 2, (2, 8, 32)),
        (1, 3, 1, ()),
    ],
)
def test_rungs_rise_by_eta_and_end_before_the_last_epoch(epochs, eta, first, rungs):
    assert rungs_up_to(epochs, eta, first) == rungs


def test_one_in_eta_of_a_rung_continues_rounded_up_and_three_once_nothing_begins_any_more():
    assert [places(met, 3) for met in (1, 2, 3, 5, 6)] == [0, 0, 1, 1, 2]
    assert [places(met, 3, closing=True) for met in (0, 1, 3, 9, 10)] == [0, 1, 3, 3, 4]


def test_a_decision_says_why():
    assert decide(9, place=2, met=6, eta=3).action == "continue"
    paused = decide(9, place=3, met=6, eta=3)
    assert paused.action == "pause"
    assert paused.reason == "place 3 of 6 at rung 9, where the best 2 continue"
    alone = decide(9, place=2, met=5, eta=3)
    assert alone.reason == "place 2 of 5 at rung 9, where the best one continues"
    first = decide(9, place=1, met=2, eta=3)
    assert first.reason == "place 1 of 2 at rung 9, where none continues before 3 have come"


def ladder_with(*values: float, rung: int = 1, epochs: int = 27) -> Ladder:
    ladder = Ladder(rungs_up_to(epochs, 3), eta=3)
    for number, value in enumerate(values):
        ladder.report(number, rung, (value,))
    return ladder


def test_between_rungs_a_trial_continues():
    assert ladder_with().report(0, 2, (0.5,)).rung == 1
    assert ladder_with(0.5).report(0, 2, (0.1,)).action == "continue"


def test_a_trial_that_is_among_the_best_third_at_once_does_not_pause():
    ladder = Ladder((1, 3), eta=3)
    actions = [ladder.report(n, 1, (value,)).action for n, value in enumerate((0.5, 0.6, 0.4, 0.7))]
    assert actions == ["pause", "pause", "continue", "pause"]


def test_paused_trials_are_promoted_as_others_come_in_worse():
    ladder = ladder_with(0.1, 0.6)
    assert ladder.promotable() == []
    ladder.report(2, 1, (0.7,))
    assert ladder.promotable() == [Promotion(0, 1)]
    ladder.promote(0)
    assert ladder.promotable() == []


def test_the_highest_rung_comes_first_and_within_it_the_best():
    ladder = Ladder((1, 3), eta=3)
    for number in range(9):
        ladder.report(number, 1, (number / 10,))
    for number, value in ((0, 0.3), (1, 0.2), (2, 0.25)):
        ladder.promote(number)
        ladder.report(number, 3, (value,))
    ladder.report(9, 1, (0.95,))
    assert ladder.promotable()[0] == Promotion(0, 3)
    ladder.promote(0)
    assert [p.number for p in ladder.promotable()] == []


def test_a_trial_is_ranked_by_its_best_epoch_up_to_the_rung():
    ladder = Ladder((3,), eta=3)
    for number in (0, 1):
        ladder.report(number, 3, (0.5,))
    ladder.report(2, 1, (0.1,))
    assert ladder.report(2, 3, (0.9,)).action == "continue"


def test_the_first_report_at_or_after_a_rung_meets_it():
    ladder = Ladder((1, 3), eta=3)
    assert ladder.report(0, 2, (0.5,)).rung == 1
    assert ladder.report(0, 4, (0.5,)).rung == 3
    assert ladder.counts() == {1: (1, 0), 3: (1, 0)}


def test_a_whole_trial_never_pauses_but_counts_at_every_rung():
    ladder = Ladder((1, 3), eta=3)
    assert ladder.report(0, 1, (9.0,), whole=True).action == "continue"
    assert ladder.report(0, 3, (9.0,), whole=True).action == "continue"
    assert ladder.counts() == {1: (1, 1), 3: (1, 1)}


def test_a_lost_trial_is_not_promoted_and_keeps_its_place():
    ladder = ladder_with(0.1, 0.2, 0.3, 0.4)
    ladder.lose(0)
    assert ladder.promotable() == []
    assert ladder.promotable(closing=True) == [Promotion(1, 1), Promotion(2, 1)]


def test_at_the_end_every_rung_promotes_three_at_least():
    ladder = ladder_with(0.4, 0.1)
    assert ladder.promotable() == []
    assert ladder.promotable(closing=True) == [Promotion(1, 1), Promotion(0, 1)]
    ladder = ladder_with(0.4, 0.1, 0.3, 0.2)
    assert ladder.promotable(closing=True) == [Promotion(n, 1) for n in (1, 3, 2)]


def test_who_cannot_be_promoted_by_any_result_to_come_is_out_of_reach():
    ladder = ladder_with(0.5, 0.4, 0.3, 0.2, 0.1)
    assert ladder.out_of_reach(to_come=10) == []
    assert ladder.out_of_reach(to_come=4) == [0, 1]
    assert ladder.out_of_reach(to_come=0) == [0, 1]


def test_a_restored_ladder_decides_as_the_one_that_was_lost():
    report_full, found = Ladder((1, 3), eta=3), Ladder((1, 3), eta=3)
    for number in range(7):
        report_full.report(number, 1, (1 - number / 10,))
    for promotion in report_full.promotable():
        report_full.promote(promotion.number)
        report_full.report(promotion.number, 2, (0.05,))
    rests = [found.restore(n, {1: (1 - n / 10,)}, promoted=()) for n in range(6)]
    assert rests == [1] * 6
    assert found.restore(6, {1: (0.4,), 2: (0.05,)}, promoted=()) == 0
    assert found.restore(4, {1: (0.6,)}, promoted=(1,)) == 0


def test_the_next_stop_is_the_next_rung_or_the_end():
    ladder = Ladder((1, 3, 9), eta=3)
    assert [ladder.next_stop(done, 12) for done in (0, 1, 2, 9)] == [1, 3, 3, 12]
    assert ladder.next_stop(3, 5) == 5
