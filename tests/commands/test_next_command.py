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
        ({"moved": THERE}, f"status mnist --storage {THERE}"),
    ],
)
def test_a_study_is_resumed_if_trials_are_left_and_else_shown(
    make_study: Any, make_trial: Any, capsys: Any, fields: dict[str, Any], words: str
) -> None:
    say_what_is_left(make_study(make_trial(1, value=0.2), **fields), None)
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
