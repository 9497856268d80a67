"""Settings that a person knows."""

from __future__ import annotations

import re
from typing import Any

import pytest

from hpsearch.studyfile.diagnostics import InvalidValueError
from hpsearch.studyfile.known_settings import (
    broken_constraint,
    described,
    expected_setting,
    priors_of,
    read_setting,
)
from hpsearch.studyfile.space import Space

SPACE = Space(
    {
        "model": {
            "init_args": {
                "width": "~int(16, 64, step=16)",
                "dropout": "~float(0, 0.5, prior=0.1)",
                "act": "~choice(relu, gelu)",
            }
        },
        "optimizer": {
            "~choice": {
                "sgd": {"init_args": {"lr": "~float(1e-3, 1, log=True)"}},
                "adam": {"init_args": {"lr": "~float(1e-4, 0.1, log=True, prior=3e-3)"}},
            }
        },
    }
)


def test_the_priors_of_a_space_by_parameter():
    assert priors_of(SPACE) == {"model.dropout": 0.1, "optimizer.adam.lr": 0.003}


def test_all_priors_together_make_a_setting_in_the_branch_that_has_them():
    assert expected_setting(SPACE) == {
        "model.width": 48,
        "model.dropout": 0.1,
        "model.act": "relu",
        "optimizer": "adam",
        "optimizer.adam.lr": 0.003,
    }


def test_a_space_without_priors_has_no_such_setting():
    assert expected_setting(Space({"model": {"x": "~float(0, 1)"}})) is None


def test_a_setting_may_leave_parameters_out_and_use_short_names():
    assert read_setting(SPACE, {"width": 32, "model.dropout": 0}) == {
        "model.width": 32,
        "model.dropout": 0.0,
    }


def test_a_value_in_a_branch_takes_that_branch():
    assert read_setting(SPACE, {"sgd.lr": 0.1}) == {"optimizer.sgd.lr": 0.1, "optimizer": "sgd"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"wdith": 32}, "no parameter is named 'wdith'"),
        ({"lr": 0.1}, "no parameter is named 'lr'"),
        ({"width": 40}, "40 is not a value of model.width: whole numbers, 16 to 64 in steps of 16"),
        ({"dropout": 0.9}, "0.9 is not a value of model.dropout: 0 to 0.5"),
        ({"act": "tanh"}, "'tanh' is not a value of model.act: one of relu, gelu"),
        ({"optimizer": "sgd", "adam.lr": 0.1}, "optimizer is sgd, but values of its branch adam"),
        ({"sgd.lr": 0.1, "adam.lr": 0.1}, "values of several branches of optimizer are given"),
        ({"width": 40, "act": "tanh"}, "; 'tanh' is not a value"),
        ([], "write a mapping of parameters to values"),
        ({}, "write a mapping of parameters to values"),
    ],
)
def test_what_is_not_in_the_space_is_named(given, message):
    with pytest.raises(InvalidValueError, match=re.escape(message)):
        read_setting(SPACE, given)


def test_a_distribution_in_words():
    assert described(SPACE.parameters["optimizer.adam.lr"]) == "0.0001 to 0.1"


@pytest.mark.parametrize(
    ("setting", "broken"),
    [
        ({"model.width": 16, "model.depth": 2}, ""),
        ({"model.width": 30, "model.depth": 2}, "model.width * model.depth <= 40 does not hold"),
        # What the sampler proposes, or what the file fixes, is not known here.
        ({"model.width": 30}, ""),
        ({"model.width": 31}, "model.width % 2 == 0 does not hold: model.width is 31"),
        ({"model.width": 32, "model.depth": 1}, "model.width < model.most does not hold"),
    ],
)
def test_a_setting_that_breaks_a_constraint_is_known_before_it_is_tried(
    setting: dict[str, Any], broken: str
) -> None:
    arguments = {"width": "~int(4, 32)", "depth": "~int(1, 2)", "most": 32}
    constraints = [
        "model.width * model.depth <= 40",
        "model.width % 2 == 0",
        "model.width < model.most",
    ]
    space = Space({"model": {"class_path": "a.Net", "init_args": arguments}}, constraints)
    found = broken_constraint(space, setting)
    assert found.startswith(broken)
    assert bool(found) == bool(broken)
