"""Which trials are confirmed, which one is chosen, which model is tested, and how often."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import optuna
import pytest

from hpsearch.errors import InputError
from hpsearch.search.confirm.finalists import Confirmation, choose_finalists, rank_finalists
from hpsearch.search.confirm.record import describe, name_on_test_split
from hpsearch.search.confirm.test_log import (
    Evaluation,
    FinalTest,
    begin_evaluation,
    end_evaluation,
    evaluations_of,
    find_result,
)
from hpsearch.search.store.keys import confirmation_name
from hpsearch.search.store.records import StudyRecord, TrialRecord

FIRST, SECOND = "/dataloader_idx_0", "/dataloader_idx_1"
Trials = Callable[..., TrialRecord]
Studies = Callable[..., StudyRecord]


def setting(make_trial: Trials, number: int, value: float, **fields: Any) -> TrialRecord:
    return make_trial(number, value=value, params={"model.hidden": number}, **fields)


@pytest.fixture
def confirm(make_trial: Trials, make_study: Studies) -> Callable[..., Confirmation]:
    """Ranks finalists 0, 1, ... by their new values; None stands for a run that failed."""

    def ranked(
        *values: Sequence[float | None],
        weights: Sequence[int] = (),
        seconds: Sequence[float] = (),
        looks: Sequence[Any] = (),
        **study: Any,
    ) -> Any:
        trials = [setting(make_trial, number, 0.9) for number in range(len(values))]
        runs = []
        for number, row in enumerate(values):
            for repeat, value in enumerate(row, start=1):
                facts = {"finalist": number, "repeat": repeat, "seed": repeat, "best_step": repeat}
                facts["parameters"] = weights[number] if weights else 10
                taken = seconds[number] if seconds else 75.0
                run = make_trial(len(runs), value=value or 0.0, attributes=facts, seconds=taken)
                if value is None:
                    run = make_trial(len(runs), state="failed", attributes=facts)
                runs.append(run)
        return rank_finalists(make_study(*trials, **study), runs, trials, len(values[0]), looks)

    return ranked


def test_the_finalists_are_the_best_complete_trials(
    make_trial: Trials, make_study: Studies
) -> None:
    study = make_study(
        setting(make_trial, 0, 0.7),
        setting(make_trial, 1, 0.9),
        setting(make_trial, 2, 0.99, state="pruned"),
        setting(make_trial, 3, 0.8),
    )
    assert [trial.number for trial in choose_finalists(study, 2)] == [1, 3]
    assert [trial.number for trial in choose_finalists(study, 9)] == [1, 3, 0]


def test_the_smallest_values_of_a_minimized_objective_are_best(
    make_trial: Trials, make_study: Studies
) -> None:
    trials = [setting(make_trial, number, value) for number, value in enumerate((0.3, 0.1, 0.2))]
    study = make_study(*trials, objectives={"val_loss": "minimize"})
    assert [trial.number for trial in choose_finalists(study, 2)] == [1, 2]


def test_a_setting_that_was_tried_twice_is_one_finalist(
    make_trial: Trials, make_study: Studies
) -> None:
    study = make_study(*(make_trial(number, value=0.9 - number / 100) for number in range(3)))
    assert [trial.number for trial in choose_finalists(study, 3)] == [0]


def test_without_a_complete_trial_there_is_nothing_to_confirm(
    make_trial: Trials, make_study: Studies
) -> None:
    study = make_study(make_trial(0, state="failed"))
    with pytest.raises(InputError, match="no trial of mnist is complete, so there is nothing"):
        choose_finalists(study, 3)


def test_the_better_one_is_taken_where_the_difference_is_real(
    confirm: Callable[..., Confirmation],
) -> None:
    result = confirm([0.90, 0.91, 0.92], [0.95, 0.961, 0.972], weights=[10, 99])
    assert [one.trial.number for one in result.finalists] == [1, 0]
    assert result.comparison is not None
    assert result.comparison.beats
    assert result.comparison.difference == pytest.approx(0.051, abs=1e-3)
    assert result.chosen.trial.number == 1


EQUALS = [0.94, 0.91, 0.92], [0.90, 0.95, 0.91]  # the first has the better mean


@pytest.mark.parametrize(
    ("weights", "seconds", "chosen", "reason"),
    [
        ([1000, 900], (), 1, "parameters"),
        ([1000, 901], (), 0, "mean"),
        ([49_541, 49_095], (), 0, "mean"),
        ([900, 1000], (), 0, "mean"),
        ([1000, 950], (50.0, 40.0), 1, "seconds"),
        ([1000, 950], (50.0, 46.0), 0, "mean"),
        ([900, 1000], (50.0, 40.0), 0, "mean"),
        ([1000, 900], (50.0, 500.0), 1, "parameters"),
        ([0, 0], (50.0, 40.0), 1, "seconds"),
    ],
)
def test_of_two_that_cannot_be_distinguished_one_a_tenth_cheaper_is_taken_or_the_better_mean(
    confirm: Callable[..., Confirmation],
    weights: Sequence[int],
    seconds: Sequence[float],
    chosen: int,
    reason: str,
) -> None:
    result = confirm(*EQUALS, weights=weights, seconds=seconds)
    assert result.comparison is not None
    assert not result.comparison.beats
    assert (result.chosen.trial.number, result.reason) == (chosen, reason)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ([0.9, 0.9], [0.1, 0.1]),
        ([0.9, 0.92], [0.9, 0.91]),
        ([0.9] * 5, [0.8] * 5),
        ([0.94, 0.91, 0.92], [0.91, 0.91, 0.90]),
    ],
    ids=["two seeds", "two seeds, close", "no noise", "more than its standard error"],
)
def test_a_cheaper_setting_that_may_well_be_worse_is_not_taken(
    confirm: Callable[..., Confirmation], first: list[float], second: list[float]
) -> None:
    result = confirm(first, second, weights=[1000, 10])
    assert result.comparison is not None
    assert not result.comparison.beats
    assert (result.chosen.trial.number, result.reason) == (0, "mean")


@pytest.mark.parametrize("seeds", [2, 5])
def test_of_equal_means_the_cheaper_setting_is_taken(
    confirm: Callable[..., Confirmation], seeds: int
) -> None:
    assert confirm([0.9] * seeds, [0.9] * seeds, weights=[1000, 10]).chosen.trial.number == 1


WORSE = [0.90, 0.91, 0.92]
BETTER = [0.919, 0.934, 0.938]  # p = 0.0086: less than 0.048, more than 0.001


def test_a_difference_that_counts_at_the_first_look_does_not_at_the_second(
    confirm: Callable[..., Confirmation],
) -> None:
    first_look = confirm(WORSE[:3], [0.92, 0.91, 0.92])
    assert first_look.comparison is not None
    assert (first_look.comparison.look, first_look.comparison.beats) == (1, False)
    pair = confirm(WORSE, BETTER).comparison
    assert pair is not None
    assert pair.p_value == pytest.approx(0.0086, abs=1e-3)
    assert (pair.look, pair.beats) == (1, True)
    again = confirm(WORSE, BETTER, looks=first_look.looks)
    assert again.comparison is not None
    assert (again.comparison.look, again.comparison.beats) == (2, False)
    assert again.comparison.level == pytest.approx(0.001)
    assert len(again.looks) == 2


def test_showing_the_same_values_again_is_not_another_look(
    confirm: Callable[..., Confirmation],
) -> None:
    shown = confirm(WORSE, BETTER)
    again = confirm(WORSE, BETTER, looks=shown.looks)
    assert again.comparison == shown.comparison
    assert again.looks == shown.looks


def test_what_was_claimed_stays_claimed_while_the_first_is_ahead(
    confirm: Callable[..., Confirmation],
) -> None:
    claimed = confirm(WORSE, BETTER).looks
    more = confirm([*WORSE, 0.95], [*BETTER, 0.94], looks=claimed).comparison
    assert more is not None
    assert more.p_value is not None
    assert more.p_value > 0.05
    assert more.beats
    turned = confirm([*WORSE, 0.99], [*BETTER, 0.80], looks=claimed).comparison
    assert turned is not None
    assert not turned.beats


@pytest.mark.parametrize(
    "values", [([0.9, 0.9], [0.1, 0.1]), ([0.9] * 5, [0.8] * 5)], ids=["2 seeds", "constant"]
)
def test_without_a_test_nothing_is_claimed_and_no_look_is_spent(
    confirm: Callable[..., Confirmation], values: tuple[list[float], list[float]]
) -> None:
    result = confirm(*values)
    assert result.comparison is not None
    assert (result.comparison.p_value, result.comparison.beats) == (None, False)
    assert result.looks == ()
    assert result.chosen.trial.number == 0


def test_a_setting_that_fails_with_another_seed_ranks_last(
    confirm: Callable[..., Confirmation],
) -> None:
    result = confirm([0.99, None, 0.99], [0.90, 0.91, 0.95], weights=[1, 99])
    assert [one.trial.number for one in result.finalists] == [1, 0]
    assert result.finalists[1].failed == 1
    assert result.comparison is not None
    assert result.comparison.seeds == 2
    assert result.chosen.trial.number == 1, "cheaper, but not to be relied on"


def test_one_seed_says_nothing_about_noise(confirm: Callable[..., Confirmation]) -> None:
    result = confirm([0.9], [0.1])
    assert result.comparison is not None
    assert result.comparison.p_value is None
    assert not result.comparison.beats


def test_a_single_finalist_is_taken(confirm: Callable[..., Confirmation]) -> None:
    result = confirm([0.9, 0.8, 0.7])
    assert result.comparison is None
    assert result.chosen.mean == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("values", "direction", "seed"),
    [
        ([0.9, 0.7, 0.8], "maximize", 3),
        ([0.9, 0.7, 0.8, 0.6], "maximize", 2),
        ([0.9, 0.7, 0.8, 0.6], "minimize", 3),
    ],
)
def test_the_model_is_the_median_run_not_the_best(
    confirm: Callable[..., Confirmation], values: list[float], direction: str, seed: int
) -> None:
    result = confirm(values, objectives={"val_accuracy": direction})
    assert result.model[0] == seed
    assert result.epochs == sorted(range(1, len(values) + 1))[len(values) // 2]


def test_pure_noise_names_a_winner_in_at_most_5_of_100(
    confirm: Callable[..., Confirmation],
) -> None:
    chance = random.Random(0)
    claims = 0
    for _ in range(400):
        comparison = confirm(
            *([chance.gauss(0.9, 0.01) for _ in range(5)] for _ in "ab")
        ).comparison
        claims += comparison is not None and comparison.beats
    assert claims <= 400 * 0.083


def test_the_record_says_how_optimistic_the_search_was(
    confirm: Callable[..., Confirmation],
) -> None:
    up = describe(confirm([0.8, 0.7]), FinalTest(), None)
    down = describe(confirm([1.0, 1.1], objectives={"val_loss": "minimize"}), FinalTest(), None)
    assert up["finalists"][0]["optimism"] == pytest.approx(0.15)
    assert down["finalists"][0]["optimism"] == pytest.approx(0.15), "a loss that was too low"
    assert up["comparison"] is None
    assert up["test"] is None


def test_the_interval_of_an_accuracy_stays_between_0_and_1(
    confirm: Callable[..., Confirmation],
) -> None:
    values = [0.99, 0.97]
    accuracy = describe(confirm(values), FinalTest(), None)["finalists"][0]
    score = describe(confirm(values, objectives={"score": "maximize"}), FinalTest(), None)[
        "finalists"
    ][0]
    assert accuracy["high"] == 1.0 < score["high"]
    assert accuracy["low"] == score["low"]
    percent = describe(confirm([99.0, 97.0]), FinalTest(), None)["finalists"][0]
    assert percent["low"] < percent["confirmed"] == 98.0 < percent["high"], "logged in percent"


def evaluation(metrics: dict[str, float], examples: int) -> Evaluation:
    return Evaluation(
        *("2026-01-01", "why", 0, 1, "best.ckpt", "abc", "host", 1, False), metrics, examples
    )


@pytest.mark.parametrize(
    ("metric", "value", "has_interval"),
    [("accuracy", 0.98, True), ("accuracy", 0.98123, False), ("loss", 0.5, False)],
)
def test_only_a_share_of_the_examples_has_an_interval(
    confirm: Callable[..., Confirmation], metric: str, value: float, has_interval: bool
) -> None:
    result = confirm([0.9, 0.8], objectives={f"val_{metric}": "maximize"})
    test = describe(result, FinalTest(evaluation({f"test_{metric}": value}, 100)), None)["test"]
    assert (test["metric"], test["value"]) == (f"test_{metric}", value)
    assert (test["low"] is not None) == has_interval


@pytest.mark.parametrize(
    ("metric", "name", "logged"),
    [
        ("val_loss", "test_loss", ()),
        ("val/acc", "test/acc", ()),
        ("validation_f1", "test_f1", ()),
        ("score", "test_score", ()),
        ("val_loss/dataloader_idx_0", "test_loss", ("test_loss", "test_acc")),
        ("val/acc/dataloader_idx_1", "test/acc", ("test/acc",)),
        (f"val_loss{FIRST}", f"test_loss{FIRST}", (f"test_loss{FIRST}", f"test_loss{SECOND}")),
    ],
)
def test_a_metric_keeps_its_name_on_the_test_split(
    metric: str, name: str, logged: Sequence[str]
) -> None:
    assert name_on_test_split(metric, logged) == name


def test_an_accuracy_of_one_of_several_loaders_is_shown_without_the_interval_of_all_examples(
    confirm: Callable[..., Confirmation],
) -> None:
    result = confirm([0.9, 0.8], objectives={f"val_acc{FIRST}": "maximize"})
    several = evaluation({f"test_acc{FIRST}": 0.98, f"test_acc{SECOND}": 0.5}, 100)
    one = evaluation({"test_acc": 0.98}, 100)
    first, alone = (describe(result, FinalTest(each), None)["test"] for each in (several, one))
    assert (first["metric"], first["value"], first["low"]) == (f"test_acc{FIRST}", 0.98, None)
    assert (alone["metric"], alone["value"]) == ("test_acc", 0.98)
    assert 0.9 < alone["low"] < 0.98


def test_a_study_with_a_long_name_can_be_confirmed() -> None:
    assert confirmation_name("mnist") == "mnist.confirm"
    names = {confirmation_name("x" * 63 + end) for end in "ab"}
    assert len(names) == 2
    assert all(len(name) == 64 for name in names)


@pytest.fixture
def study() -> optuna.Study:
    return optuna.create_study(study_name="mnist")


def begin(
    study: optuna.Study, trial: int = 8, *, again: bool = False, sha: str = "a"
) -> Evaluation:
    return begin_evaluation(
        study,
        what=f"trial {trial}",
        by="confirm",
        trial=trial,
        seed=2,
        checkpoint="best.ckpt",
        sha256=sha,
        again=again,
    )


def test_an_evaluation_is_recorded_before_its_result(study: optuna.Study) -> None:
    begin(study)
    assert [one.metrics for one in evaluations_of(study)] == [None]
    assert find_result(study, "a") is None
    end_evaluation(study, {"metrics": {"test_accuracy": 0.9}, "examples": 10})
    (only,) = evaluations_of(study)
    assert only.reason == "hpsearch confirm mnist: the final figure of trial 8"
    assert find_result(study, "a") == only
    assert find_result(study, "b") is None


def test_a_second_look_is_refused_and_with_again_recorded(study: optuna.Study) -> None:
    begin(study)
    end_evaluation(study, {"metrics": {"test_accuracy": 0.9}, "examples": 10})
    rule = (
        r"mnist was opened at .* for trial 8 \(test_accuracy 0.9000\).* trial 6 as well .*--again"
    )
    with pytest.raises(InputError, match=rule):
        begin(study, 6, sha="b")
    with pytest.raises(
        InputError, match=r"for trial 8 .* testing its run with seed 2 as well would"
    ):
        begin(study, sha="b")
    begin(study, 6, again=True, sha="b")
    assert [one.again for one in evaluations_of(study)] == [False, True]


def test_an_evaluation_without_a_result_does_not_block_another(study: optuna.Study) -> None:
    begin(study)
    end_evaluation(study, {"failure": "out of memory"})
    begin(study)
    assert [one.failure for one in evaluations_of(study)] == ["out of memory", ""]
    assert not evaluations_of(study)[1].again


@pytest.mark.parametrize(
    ("best", "epochs"), [((0.2, 0.4, 0.6), 1), ((1.5, 2.5, 2.25), 3), ((0.0, 0.0, 0.0), 1)]
)
def test_where_validations_are_counted_a_refit_takes_whole_epochs(
    make_trial: Trials, make_study: Studies, best: tuple[float, ...], epochs: int
) -> None:
    trial = setting(make_trial, 0, 0.9)
    runs = [
        make_trial(
            repeat,
            attributes={
                "finalist": 0,
                "repeat": repeat,
                "seed": repeat,
                "parameters": 10,
                "best_step": 40,
                "best_epochs": place,
            },
        )
        for repeat, place in enumerate(best, start=1)
    ]
    study = make_study(trial, unit="validation")
    assert rank_finalists(study, runs, [trial], 3, ()).epochs == epochs


def test_a_metric_called_epochs_does_not_set_the_length_of_a_refit(
    make_trial: Trials, make_study: Studies
) -> None:
    trial = setting(make_trial, 0, 0.9)
    facts = {"finalist": 0, "repeat": 1, "seed": 1, "parameters": 10, "best_step": 7}
    runs = [make_trial(1, attributes={**facts, "best_epochs": 100.0})]
    assert rank_finalists(make_study(trial), runs, [trial], 1, ()).epochs == 7
