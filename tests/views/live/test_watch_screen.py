"""Searches that run elsewhere, as their databases show them."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console

from hpsearch.views.live.recorded import Watched, recorded_state, watch_screen

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def searching(make_study: Any, make_trial: Any) -> Any:
    def make(name: str = "mnist", host: str = "here") -> Watched:
        started = (NOW - timedelta(seconds=30)).isoformat()
        attempt = {"started": started, "host": host, "slot": "cpu:1", "from_epoch": 0}
        curve = {1: 0.5, 2: 0.95, 3: 0.7}
        running = make_trial(
            1, "running", values=None, values_by_epoch=curve, attempts=(attempt,), seconds=None
        )
        study = make_study(make_trial(0, value=0.9), running, name=name, budget=4, state="running")
        return Watched(study, 12)

    return make


def drawn(watched: list[Watched], width: int = 100, height: int = 30) -> str:
    stream = io.StringIO()
    console = Console(file=stream, width=width, height=height, color_system=None)
    console.print(watch_screen(watched, console, NOW))
    return stream.getvalue()


def test_a_running_trial_is_in_the_epoch_after_the_last_that_it_reported(searching: Any) -> None:
    state = recorded_state(searching(), NOW)
    (run,) = state.running.values()
    assert (run.slot, run.progress.epoch, run.progress.epochs) == ("cpu:1", 4, 12)
    assert run.seconds_left(0.0) == pytest.approx(90.0), "three epochs took 30 s, nine are left"


def test_the_rest_of_the_budget_takes_as_long_as_its_trials_did(searching: Any) -> None:
    # One trial took 75 s, another has done a quarter, one slot is busy.
    assert recorded_state(searching(), NOW).seconds_left(0.0) == pytest.approx(75 * 2.75)


def test_the_screen_has_the_best_so_far_the_slots_and_the_budget(searching: Any) -> None:
    text = drawn([searching()])
    assert "mnist  running  1 done, 3 to go (1 complete, 1 running)" in text
    assert "so far val_accuracy 0.9500 (trial 1, epoch 2, running)" in text
    assert "cpu:1  trial 1  epoch 4/12" in text
    assert "30.0s so far" not in text
    assert "1/4" in text
    assert "30s so far, about 3m 26s left" in text


def test_a_search_that_is_paused_says_what_continues_it(searching: Any) -> None:
    watched = searching()
    paused = replace(watched, study=replace(watched.study, state="paused"))
    text = drawn([paused])
    assert "mnist  paused  1 done, 3 to go" in text
    assert "paused by `hpsearch control`; `hpsearch control mnist resume` continues it" in text
    assert len(drawn([paused], height=12).splitlines()) < 12


@pytest.mark.parametrize("count", [1, 2, 3, 9, 40])
@pytest.mark.parametrize("height", [12, 24, 60])
def test_several_studies_share_the_screen(searching: Any, count: int, height: int) -> None:
    text = drawn([searching(f"study-{n}") for n in range(count)], width=80, height=height)
    assert len(text.splitlines()) < height
    assert "study-0  running" in text
    if count <= height // 4:
        assert f"study-{count - 1}  running" in text


def test_the_clock_of_a_search_that_is_over_stands_still(make_study: Any, make_trial: Any) -> None:
    started = (NOW - timedelta(hours=3)).isoformat()
    attempt = {"started": started, "host": "here", "slot": "cpu:1", "from_epoch": 0}
    study = make_study(make_trial(0, value=0.9, attempts=(attempt,)), budget=1, state="done")
    lines = drawn([Watched(study, 12)]).rstrip().splitlines()
    assert "1/1  1 complete" in lines[-1]
    assert "so far" not in "".join(lines)
    assert "" not in lines[4:-2], "one empty line between the table and the bar"
