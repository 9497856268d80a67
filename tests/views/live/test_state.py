"""Trials that arrive one by one are in the order that sorting all of them would give."""

from __future__ import annotations

import io
import math
import random
from collections import Counter
from typing import Any

import pytest
from rich.console import Console

from hpsearch.views import ranking
from hpsearch.views.live import search_state
from hpsearch.views.live.screen import screen
from hpsearch.views.live.search_state import LiveRanking, SearchState
from hpsearch.views.ranking import ranked, top

STATES = ("complete", "pruned", "failed", "running", "paused", "waiting")


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_the_first_trials_are_those_of_a_whole_ranking(make_trial: Any, direction: Any) -> None:
    chance = random.Random(1)
    known = {n: make_trial(n, chance.choice(STATES), chance.random()) for n in range(10)}
    kept = LiveRanking(known.values(), direction)
    for _ in range(60):
        number = chance.randrange(30)
        value = chance.choice([0.5, math.nan, chance.random()])
        known[number] = make_trial(number, chance.choice(STATES), value)
        kept.put(known[number])

        whole = ranked(list(known.values()), direction)
        for limit in (1, 4, 50):
            shown = [trial.number for trial in top(kept.first(limit), limit)]
            assert shown == [trial.number for trial in top(whole, limit)]
        assert kept.counts == {**dict.fromkeys(STATES, 0), **Counter(t.state for t in whole)}


def test_the_screen_says_how_many_trials_are_left_out(make_study: Any, make_trial: Any) -> None:
    study = make_study(*(make_trial(n) for n in range(100)), budget=200)
    console = Console(file=io.StringIO(), width=100, height=20)

    console.print(screen(SearchState(study, ("cpu:0",), began_s=0.0), console, 1.0))

    assert "and 89 more" in console.file.getvalue()  # type: ignore[attr-defined]


def test_the_screen_shows_a_new_budget_and_the_trials_that_are_next(
    make_study: Any, make_trial: Any
) -> None:
    state = SearchState(make_study(make_trial(0), budget=16), ("cpu:0",), began_s=0.0)
    state.changed(12, [make_trial(1, "waiting")])
    console = Console(file=io.StringIO(), width=100, height=20)

    console.print(screen(state, console, 1.0))

    assert "1/12  1 complete, 1 waiting" in console.file.getvalue()  # type: ignore[attr-defined]


def test_what_is_looked_at_for_a_drawing_does_not_grow_with_the_study(
    make_study: Any, make_trial: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    placed: Counter[str] = Counter()
    place = ranking.place

    def counted(trial: Any, direction: Any) -> Any:
        placed["now"] += 1
        return place(trial, direction)

    for module in (ranking, search_state):
        monkeypatch.setattr(module, "place", counted)
    console = Console(file=io.StringIO(), width=100, height=30)
    counts = []
    for trials in (90, 900):
        state = SearchState(
            make_study(*(make_trial(n, STATES[n % 3]) for n in range(trials)), budget=999),
            ("cpu:0",),
            began_s=0.0,
        )
        placed.clear()
        state.started(trials, "cpu:0", {}, 0, now_s=1.0)
        state.reported(trials, 1, {"val_accuracy": 0.5})
        state.ended(make_trial(trials))
        console.print(screen(state, console, 2.0))
        counts.append(placed["now"])

    assert counts[0] == counts[1] > 0
