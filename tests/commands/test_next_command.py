"""Which command is named at the end: always one that is left to do."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from hpsearch.commands.context import say_next_step, say_what_is_left

THERE = "sqlite:///there.db"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "show mnist 1"),
        ({"state": "interrupted"}, "resume mnist"),
        ({"state": "paused"}, "control mnist resume"),
        ({"moved": THERE}, f"status mnist --storage {THERE}"),
    ],
)
def test_a_study_is_resumed_if_trials_are_left_and_else_shown(
    make_study: Any, make_trial: Any, capsys: Any, fields: dict[str, Any], words: str
) -> None:
    say_what_is_left(make_study(make_trial(1, value=0.2), **fields), None)
    assert capsys.readouterr().out == f"\nnext: hpsearch {words}\n"


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("interrupted", "confirm mnist --top 2 --seeds 3"),
        ("done", "confirm mnist --top 2 --seeds 3"),
        ("paused", "control mnist.confirm resume"),
        ("running", "show mnist.confirm 0"),
    ],
)
def test_a_confirmation_continues_and_ends_by_the_command_for_its_search(
    make_study: Any, make_trial: Any, capsys: Any, state: str, words: str
) -> None:
    pairs = [(7, 1), (4, 1), (7, 2), (4, 2), (7, 3), (4, 3)]
    runs = [
        make_trial(place, attributes={"finalist": trial, "repeat": seed})
        for place, (trial, seed) in enumerate(pairs)
    ]
    study = make_study(*runs, name="mnist.confirm", confirms="mnist", state=state)
    say_what_is_left(study, None)
    assert capsys.readouterr().out == f"\nnext: hpsearch {words}\n"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "\nnext: hpsearch confirm mnist\n"),
        ({"confirmation": {"chosen": 1}}, "\nnext: hpsearch export mnist\n"),
        ({"state": "interrupted"}, ""),
        ({"moved": THERE}, ""),
    ],
)
def test_a_winner_is_confirmed_once_and_then_exported(
    make_study: Any, make_trial: Any, capsys: Any, fields: dict[str, Any], said: str
) -> None:
    stored: Any = SimpleNamespace(study=SimpleNamespace(user_attrs={}))
    say_next_step(stored, make_study(make_trial(1, value=0.2), **fields), None)
    assert capsys.readouterr().out == said
