"""The budget in epochs: exact, however many trials run at once."""

from hpsearch.search.rungs.epochs import EpochBudget


def test_a_running_trial_holds_the_epochs_to_its_next_stop():
    budget = EpochBudget(10)
    budget.hold(0, 3)
    assert budget.left == 7
    budget.train(0, 1)
    assert (budget.left, budget.spent) == (7, 1)


def test_a_trial_that_stops_gives_back_what_it_did_not_train():
    budget = EpochBudget(10)
    budget.hold(0, 9)
    budget.train(0, 2)
    budget.release(0)
    assert (budget.left, budget.spent) == (8, 2)


def test_what_a_trial_holds_already_counts_once():
    budget = EpochBudget(10)
    budget.hold(0, 3)
    assert budget.fits(0, 10)
    assert not budget.fits(1, 8)
    assert budget.fits(1, 7)
    assert not budget.fits(1, 7, reserve=1)


def test_without_a_limit_everything_fits():
    assert EpochBudget(None).fits(0, 10**9, reserve=10**9)
