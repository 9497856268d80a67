"""Every way a confirmation can end, in the words people read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hpsearch.views.tables.confirmation import (
    conclusion,
    confirmation_view,
    confirmed_words,
    evaluations_words,
    words_of_test,
)

OPENING = {"opened": "2026-11-22T10:00:00+00:00", "trial": 8, "failure": "", "examples": 10_000}


def finalist(trial: int, **changed: Any) -> dict[str, Any]:
    return {
        "trial": trial,
        "searched": 0.99,
        "confirmed": 0.985,
        "low": 0.98,
        "high": 0.99,
        "values": {"1": 0.98, "2": 0.99},
        "optimism": 0.005,
        "failed": 0,
        "parameters": 60_095,
        "seconds": 31.0,
        **changed,
    }


def comparison(**changed: Any) -> dict[str, Any]:
    known = {"first": 8, "second": 6, "seeds": 5, "difference": 0.0021, "p_value": 0.012}
    return {**known, "beats": True, "look": 1, "level": 0.048, **changed}


def record(*finalists: dict[str, Any], **changed: Any) -> dict[str, Any]:
    return {
        "metric": "val_accuracy",
        "finalists": finalists or (finalist(8), finalist(6, parameters=900)),
        "comparison": comparison(),
        "chosen": 8,
        "reason": "mean",
        "model": {"seed": 2, "checkpoint": "runs/mnist.confirm/trial-0002/best.ckpt"},
        "test": None,
        "refit": None,
        **changed,
    }


def tied(**changed: Any) -> dict[str, Any]:
    return comparison(**{"beats": False, "difference": 0.0003, "p_value": 0.61, **changed})


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (
            record(),
            "Trial 8 beats trial 6 by 0.0021 over 5 seeds (paired t-test, p = 0.012)."
            " Trial 8 is taken.",
        ),
        (
            record(comparison=tied(), chosen=6, reason="parameters"),
            "Trials 8 and 6 cannot be told apart: they differ by 0.0003 over 5 seeds (paired"
            " t-test, p = 0.61). Trial 6 is taken, the cheaper: 900 weights against 60,095.",
        ),
        (
            record(
                finalist(8),
                finalist(6, seconds=20.0),
                comparison=tied(),
                chosen=6,
                reason="seconds",
            ),
            "Trials 8 and 6 cannot be told apart: they differ by 0.0003 over 5 seeds (paired"
            " t-test, p = 0.61). Trial 6 is taken, the cheaper: 20 s a run against 31 s.",
        ),
        (
            record(comparison=tied(p_value=0.012, look=3, level=0.0005)),
            "Trials 8 and 6 cannot be told apart: they differ by 0.0003 over 5 seeds (paired"
            " t-test, p = 0.012; as look 3 at these trials, significant below 0.0005)."
            " Trial 8 is taken, which has the better mean.",
        ),
        (
            record(comparison=tied(p_value=None)),
            "Trials 8 and 6 give the same value with every seed, so there is no noise to compare"
            " with. Trial 8 is taken, which has the better mean.",
        ),
        (
            record(finalist(8), finalist(6), comparison=tied(p_value=None, seeds=1)),
            "Trials 8 and 6 have one seed in common, too few to measure noise; take three or"
            " more. Trial 8 is taken, which has the better mean.",
        ),
        (
            record(
                finalist(8),
                finalist(6, failed=2),
                comparison=tied(p_value=None, seeds=0),
                reason="failures",
            ),
            "Trials 8 and 6 have no seed in common, too few to measure noise; take three or"
            " more. Trial 8 is taken, since 2 of the other's runs failed.",
        ),
        (
            record(finalist(8), comparison=None),
            "Trial 8 is the only finalist: there is nothing to compare it with.",
        ),
    ],
    ids=["real", "smaller", "faster", "third look", "constant", "one seed", "failures", "alone"],
)
def test_the_conclusion_says_who_is_taken_and_why(found: dict[str, Any], words: str) -> None:
    assert conclusion(found) == words


@pytest.mark.parametrize(
    ("test", "words"),
    [
        (
            {"value": 0.9911, "low": 0.9891, "high": 0.9928},
            "On the test split: test_accuracy 0.9911 (95 % interval 0.9891 to 0.9928, 10,000"
            " examples), of the run with seed 2, the median of its runs; ",
        ),
        (
            {"value": 0.05, "low": None, "high": None},
            "On the test split: test_accuracy 0.0500 (10,000 examples), of the run with seed 2",
        ),
        (
            {"value": 0.05, "low": None, "high": None, "examples": 0},
            "On the test split: test_accuracy 0.0500, of the run with seed 2",
        ),
        (
            {
                "value": 0.05,
                "low": None,
                "high": None,
                "over_seeds": {"runs": 3, "mean": 0.052, "lowest": 0.05, "highest": 0.054},
            },
            "On the test split: test_accuracy 0.0500 (10,000 examples), of the run with seed 2, the"
            " median of its runs; 0.0520 on average over its 3 seeds (0.0500 to 0.0540); the test"
            " split was opened at",
        ),
        (
            {"value": None, "metrics": {"test_loss": 0.05}},
            "No test_accuracy was logged on the test split; the test split was opened at"
            " 2026-11-22T10:00:00+00:00 and gave test_loss 0.0500.",
        ),
        (
            {"value": None, "metrics": {"val_accuracy": 0.95}},
            "No test_accuracy was logged on the test split; the test split was opened at"
            " 2026-11-22T10:00:00+00:00 and gave val_accuracy 0.9500. This val_accuracy is of"
            " the test split: test_step should log it as test_accuracy.",
        ),
        (
            {"value": None, "metrics": {}},
            "No test_accuracy was logged on the test split; the test split was opened at"
            " 2026-11-22T10:00:00+00:00 and gave no metrics.",
        ),
        (
            {"value": None, "failure": "ValueError: no test today"},
            "No test value: the test split was opened at 2026-11-22T10:00:00+00:00, and"
            " ValueError: no test today",
        ),
    ],
    ids=[
        "a share",
        "no share",
        "not counted",
        "several seeds",
        "not logged",
        "misnamed",
        "nothing logged",
        "failed",
    ],
)
def test_the_test_value_comes_with_its_interval_and_its_time(
    test: dict[str, Any], words: str
) -> None:
    found = record(test={"metric": "test_accuracy", **OPENING, **test})
    assert words_of_test(found).startswith(words)


def test_search_and_confirmed_stand_side_by_side_in_a_usual_terminal(
    on_screen: Callable[..., str],
) -> None:
    test = {"metric": "test_accuracy", **OPENING, "value": 0.9911, "low": 0.9891, "high": 0.9928}
    refit = {"checkpoint": "runs/mnist/refit/best.ckpt", "epochs": 9}
    found = record(finalist(8), finalist(6, failed=1), test=test, refit=refit)
    lines = on_screen(confirmation_view(found), width=80).splitlines()
    row = "8 0.9900 0.9850 0.9800 to 0.9900 0.0050 2 60,095 31s"
    assert " ".join(lines[2].split()) == row
    assert ("2 + 1" in lines[3], "failed" in lines[4]) == (True, True)
    assert "model     runs/mnist.confirm/trial-0002/best.ckpt" in lines
    assert any(line.startswith("refit     runs/mnist/refit/best.ckpt  (9 epochs") for line in lines)
    failed = on_screen(confirmation_view(record(refit={"failure": "NoRefitError: no way"})))
    assert "refit     failed: NoRefitError: no way" in failed


def test_status_has_it_in_a_line() -> None:
    words = "trial 8: val_accuracy 0.9850 over 2 seeds"
    assert confirmed_words(record()) == words
    test = {"metric": "test_accuracy", **OPENING, "value": 0.9911}
    assert confirmed_words(record(test=test)) == f"{words}, test_accuracy 0.9911"
    assert evaluations_words([OPENING]) == "opened once, at 2026-11-22T10:00:00+00:00 for trial 8"
    assert evaluations_words([OPENING] * 2).startswith("opened 2 times, last at 2026-11-22T")


def test_a_model_without_a_test_is_no_failure(on_screen: Callable[..., str]) -> None:
    shown = " ".join(on_screen(confirmation_view(record(untested="Net has no test_step"))).split())
    assert (
        "No test value: Net has no test_step. What is known of the model is its confirmed mean, on"
        " the validation data that it was chosen by."
    ) in shown
