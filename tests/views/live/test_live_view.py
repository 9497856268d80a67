from __future__ import annotations

import io
import re
from typing import Any

import pytest
from busy_search import NOW_S, busy_search
from rich.console import Console

from hpsearch.protocol.messages import Progress
from hpsearch.views.live.live import LiveView
from hpsearch.views.live.screen import screen
from hpsearch.views.live.search_state import SearchState


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture(scope="module")
def busy() -> dict[int, SearchState]:
    """Searches with this many slots, whose values have as many digits as are ever shown."""
    return {slots: busy_search(slots, scale=98765.4321) for slots in (2, 32, 1000)}


@pytest.fixture
def state(make_study: Any, make_trial: Any) -> SearchState:
    study = make_study(make_trial(0, value=0.9), make_trial(1, "pruned", 0.5), budget=10)
    return SearchState(study, ("cpu:0", "cpu:1"), began_s=0.0)


def drawn(state: SearchState, now_s: float, width: int = 100) -> str:
    stream = io.StringIO()
    console = Console(file=stream, width=width, height=30, color_system=None)
    console.print(screen(state, console, now_s))
    return stream.getvalue()


def test_slot_shows_epoch_speed_and_time_left(state: SearchState) -> None:
    state.started(2, "cpu:0", {"model.hidden": 8}, 0, now_s=0.0)
    state.progressed(2, Progress(epoch=1, epochs=10, fraction=0.0, samples_per_s=1.0), 40.0)
    state.progressed(2, Progress(epoch=3, epochs=10, fraction=0.5, samples_per_s=12345.6), 65.0)
    text = drawn(state, now_s=65.0)
    line = next(line for line in text.splitlines() if line.startswith("cpu:0"))
    assert "trial 2" in line
    assert "epoch 3/10" in line
    assert "12,346/s" in line
    assert "1m 15s left" in line


def test_resumed_trial_counts_only_its_own_epochs_for_the_time_left(state: SearchState) -> None:
    state.started(2, "cpu:0", {}, from_epoch=5, now_s=0.0)
    state.progressed(2, Progress(epoch=6, epochs=10, fraction=0.0, samples_per_s=1.0), 100.0)
    state.progressed(2, Progress(epoch=7, epochs=10, fraction=0.0, samples_per_s=1.0), 110.0)
    assert state.running[2].seconds_left(110.0) == pytest.approx(40.0)


def test_time_before_the_first_batches_says_nothing_about_the_time_left(state: SearchState) -> None:
    state.started(2, "cpu:0", {}, 0, now_s=0.0)
    state.progressed(2, Progress(epoch=1, epochs=2, fraction=0.1, samples_per_s=1.0), 50.0)
    assert state.running[2].seconds_left(50.0) is None, "loading the data took 50 s"
    state.progressed(2, Progress(epoch=1, epochs=2, fraction=0.2, samples_per_s=1.0), 51.0)
    assert state.running[2].seconds_left(51.0) == pytest.approx(18.0)


def test_slot_without_a_trial_is_idle_and_a_new_trial_is_starting(state: SearchState) -> None:
    state.started(2, "cpu:1", {}, 0, now_s=0.0)
    text = drawn(state, now_s=1.0)
    assert "cpu:0  idle" in text
    assert "cpu:1  trial 2  starting" in text


def test_reports_grow_the_curve_of_a_running_trial(state: SearchState) -> None:
    state.started(2, "cpu:0", {}, 0, now_s=0.0)
    state.reported(2, 1, {"val_accuracy": 0.25, "loss": 9.0})
    state.reported(2, 2, {"val_accuracy": 0.75})
    row = next(line for line in drawn(state, 1.0).splitlines() if "running" in line)
    assert "0.7500" in row
    assert "▁█" in row


def test_the_weights_of_a_running_trial_are_shown_where_they_are_an_objective(
    make_study: Any, make_trial: Any
) -> None:
    paused = make_trial(0, "paused", attributes={"parameters": 1234, "paused_at": 2})
    goals = {"val_accuracy": "maximize", "parameters": "minimize"}
    state = SearchState(make_study(paused, objectives=goals), ("cpu:0", "cpu:1"), began_s=0.0)
    state.started(0, "cpu:0", {}, 2, now_s=0.0)
    state.started(1, "cpu:1", {}, 0, now_s=0.0)
    state.reported(1, 1, {"val_accuracy": 0.25, "parameters": 567})
    rows = [line.split() for line in drawn(state, 1.0).splitlines() if "running" in line]
    assert [row[2] for row in rows[:2]] == ["1234", "567"]


def test_running_trial_shows_the_last_value_of_every_objective(
    make_study: Any, make_trial: Any
) -> None:
    curves = {"1": [0.25, 30.0], "2": [0.5, 20.0]}
    known = {"values_by_epoch": {1: 0.25, 2: 0.5}, "attributes": {"all_values_by_epoch": curves}}
    goals = {"val_accuracy": "maximize", "val_cost": "minimize"}
    state = SearchState(make_study(make_trial(0, "paused", **known), objectives=goals), ("a",), 0.0)
    state.started(0, "a", {}, 1, now_s=0.0)
    assert "0.2500        30" in drawn(state, 1.0)
    state.reported(0, 2, {"val_cost": 40.0, "val_accuracy": 0.75})
    assert "0.7500        40" in drawn(state, 2.0)


def test_resumed_trial_keeps_the_curve_of_its_checkpoint(make_study: Any, make_trial: Any) -> None:
    waiting = make_trial(0, "waiting", values_by_epoch={1: 0.5, 2: 0.6, 3: 0.7})
    state = SearchState(make_study(waiting), ("cpu:0",), began_s=0.0)
    state.started(0, "cpu:0", waiting.params, from_epoch=2, now_s=0.0)
    assert state.trials[0].values_by_epoch == {1: 0.5, 2: 0.6}


def test_ended_trial_leaves_its_slot_and_may_lead(state: SearchState, make_trial: Any) -> None:
    state.started(2, "cpu:0", {}, 0, now_s=0.0)
    state.ended(make_trial(2, value=0.95))
    assert state.running == {}
    assert state.leader is not None
    assert state.leader.number == 2


def test_budget_line_counts_trials_and_says_the_time_left(
    state: SearchState, make_trial: Any
) -> None:
    state.ended(make_trial(2, value=0.8))
    text = drawn(state, now_s=60.0)
    assert "3/10" in text
    assert "2 complete, 1 pruned" in text
    assert "1m 00s so far, about 7m 00s left" in text


def test_a_trial_that_paused_counts_as_one_for_the_time_left(
    make_study: Any, make_trial: Any
) -> None:
    before = make_trial(0, "paused", values=None, values_by_epoch={1: 0.5})
    state = SearchState(make_study(before, budget=10), ("cpu:0",), began_s=0.0)
    for number in (1, 2):
        state.ended(make_trial(number, "paused", values=None, values_by_epoch={1: 0.5}))
    assert "20s so far, about 1m 10s left" in drawn(state, now_s=20.0)


def test_a_smaller_budget_than_there_are_trials_is_not_exceeded(
    make_study: Any, make_trial: Any
) -> None:
    study = make_study(*(make_trial(number, value=0.8) for number in range(7)), budget=6)
    assert "7/7" in drawn(SearchState(study, ("cpu:0",), began_s=0.0), now_s=60.0)


def test_when_all_is_done_no_time_is_left(make_study: Any, make_trial: Any) -> None:
    state = SearchState(make_study(budget=1), ("cpu:0",), began_s=0.0)
    state.ended(make_trial(0, value=0.8))
    text = drawn(state, now_s=60.0)
    assert "1m 00s so far" in text
    assert "left" not in text


def test_study_bounded_by_time_alone_has_no_bar(make_study: Any, make_trial: Any) -> None:
    state = SearchState(make_study(make_trial(0), budget=None), ("cpu:0",), began_s=0.0)
    text = drawn(state, now_s=60.0)
    assert "1 done" in text
    assert "left" not in text


def test_every_colour_is_the_terminals_own_so_that_it_reads_on_white_and_on_black(
    busy: dict[int, SearchState],
) -> None:
    console = Console(width=100, height=30, color_system="truecolor", force_terminal=True)
    with console.capture() as said:
        console.print(screen(busy[2], console, NOW_S))
    assert "\x1b[36m━" in said.get()
    assert "\x1b[2m" in said.get().partition("━")[2]
    assert re.findall(r"\x1b\[[\d;]*38;[\d;]*m", said.get()) == []


def test_late_message_of_an_ended_trial_changes_nothing(state: SearchState) -> None:
    state.progressed(1, Progress(1, 2, 0.5, 1.0), now_s=1.0)
    state.reported(99, 1, {"val_accuracy": 1.0})
    assert state.running == {}
    assert 99 not in state.trials


@pytest.mark.parametrize("slots", [2, 32, 1000])
@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
@pytest.mark.parametrize("height", [8, 24, 60])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_no_number_is_cut_and_the_budget_is_always_there(
    busy: dict[int, SearchState], slots: int, width: int, height: int, encoding: str
) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(file=stream, width=width, height=height, color_system=None)
    console.print(screen(busy[slots], console, NOW_S))
    stream.seek(0)
    drawn = stream.read().splitlines()
    assert len(drawn) < height
    assert max(map(len, drawn)) <= width
    budget = next(place for place, line in enumerate(drawn) if "100/2345" in line)
    assert "1h 23m so far" in drawn[-1], "the last line"
    assert all(line.startswith(" " * 10) for line in drawn[budget + 1 :]), "of the budget's own"
    assert not re.search(r"\d(…|\.\.\.)|(…|\.\.\.)\d", "\n".join(drawn))
    if height > 8:
        best = busy[slots].leader
        assert best is not None
        assert best.values is not None
        assert f"{best.values[0]:.4f}" in "\n".join(drawn)
        assert 90000 < best.values[0] < 100000
    if slots > height:
        folded = r"\d+ (more )?slots: \d+ in epoch \d+ to \d+, \d+ starting, \d+ idle"
        assert re.search(folded, "\n".join(drawn))


def test_a_terminal_that_gets_narrower_keeps_no_stale_line(make_study: Any) -> None:
    stream, clock = io.StringIO(), Clock()
    console = Console(file=stream, force_terminal=True, width=100, height=30)
    view = LiveView(console, clock)
    view.opened(make_study(budget=2), ["cpu:0"])
    view.started(0, "cpu:0", {"model.hidden": 8}, 0)
    view.refresh()
    widths = [len(line) for line in drawn(view._state, 0.0).splitlines()]  # type: ignore
    stream.truncate(0)
    console.width, clock.now_s = 30, 1.0
    view.refresh()
    wrapped = sum(max(-(-width // 30), 1) for width in widths)
    assert wrapped > len(widths)
    erased = "\r\x1b[2K" + "\x1b[1A\x1b[2K" * (wrapped - 1) + f"\x1b[{len(widths) - 1}B"
    assert stream.getvalue().lstrip("\0").startswith(erased)
    view.stop()


@pytest.mark.parametrize("width", [80, 120])
def test_screen_never_grows_beyond_the_terminal(
    make_study: Any, make_trial: Any, width: int
) -> None:
    trials = [make_trial(n) for n in range(100)]
    state = SearchState(make_study(*trials, budget=200), ("cpu:0", "cpu:1"), began_s=0.0)
    text = drawn(state, now_s=5.0, width=width)
    assert len(text.splitlines()) < 30
    assert max(map(len, text.splitlines())) <= width


def test_view_redraws_at_most_four_times_a_second(make_study: Any, make_trial: Any) -> None:
    clock, stream = Clock(), io.StringIO()
    view = LiveView(Console(file=stream, force_terminal=True, width=100), clock)
    view.opened(make_study(make_trial(0), budget=2), ["cpu:0"])
    view.refresh()
    once = len(stream.getvalue())
    clock.now_s = 0.2
    view.refresh()
    assert len(stream.getvalue()) == once
    clock.now_s = 0.3
    view.refresh()
    assert len(stream.getvalue()) > once
    view.closed(make_study())


def test_notes_and_failures_stay_above_the_live_part(make_study: Any, make_trial: Any) -> None:
    stream = io.StringIO()
    view = LiveView(Console(file=stream, force_terminal=True, width=100))
    view.opened(make_study(budget=3), ["cpu:0"])
    view.note("stopping after this epoch")
    view.started(0, "cpu:0", {}, 0)
    view.progressed(0, Progress(1, 2, 0.5, 1.0))
    view.reported(0, 1, {"val_accuracy": 0.5})
    view.ended(make_trial(0, "failed"))
    view.closed(make_study())
    view.stop()
    assert "mnist: 0 done, 3 to go" in stream.getvalue()
    assert "stopping after this epoch" in stream.getvalue()
    assert "trial 0 failed: out of memory" in stream.getvalue()


def test_a_long_note_stays_in_sight_above_a_leaderboard_that_fills_the_screen(
    make_study: Any, make_trial: Any
) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=40, height=20)
    view = LiveView(console)
    view.opened(make_study(*(make_trial(n) for n in range(50)), budget=60), ["cpu:0"])
    view.refresh()
    assert len(view._drawn) == 19
    view.note("the database cannot be written (connection refused): training continues")
    assert len(view._drawn) == 20 - 2
    view.note("it is " + "very " * 200 + "long")
    assert len(view._drawn) == 20 - 10, "half of the screen is the search's"
    view.stop()
