"""The screen of a running search: how far it is, a line for each slot, the leaderboard.

It never outgrows the terminal. If there are more slots than fit, some are folded into one line; the
search's progress is always shown.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from hpsearch.views.formatting import spell
from hpsearch.views.live.search_state import Running, SearchState
from hpsearch.views.ranking import counts_line, done, goal
from hpsearch.views.tables import leaderboard

_BAR = 16
_SPACING = 2
# A header, its rule, three trials, and how many are left out.
_LEADERBOARD = 6
_HEADER = 3
# What a narrow screen drops, in this order.
_SPARE = ("bar", "speed", "left")


def screen(state: SearchState, console: Console, now_s: float, height: int | None = None) -> Group:
    """Returns the whole live part: leaderboard, one line per slot, budget.

    Args:
        state: the search.
        console: decides how wide the lines are.
        now_s: the clock.
        height: maximum number of lines; None for the terminal's height less one.
    """
    height = console.height - 1 if height is None else height
    budget = _budget(state, now_s)
    left = height - len(console.render_lines(budget, pad=False)) - 1
    parts: list[RenderableType] = [budget]
    if _slot_count(state):
        slots = fold(state, _room_for_slots(left, _slot_count(state)), console.width, now_s)
        left -= len(console.render_lines(slots, pad=False)) + 1
        parts = [slots, Text(), budget]
    if left > _HEADER:
        rows = left - _HEADER
        leader = state.leader
        table = leaderboard(
            state.ranking.first(rows),
            state.study.objectives,
            width=console.width,
            unit=state.study.unit,
            limit=rows,
            marked=() if leader is None else (leader.number,),
            count=len(state.trials),
        )
        parts = [table, Text(), *parts]
    return Group(*parts)


def _slot_count(state: SearchState) -> int:
    return len(state.slots or state.running)


def _room_for_slots(left: int, count: int) -> int:
    """Returns how many lines the slots get: one each, or a third of the screen."""
    if count <= left - _LEADERBOARD - 1:
        return max(count, 1)
    return max(left // 3, 1)


def fold(state: SearchState, room: int, width: int, now_s: float) -> Table:
    """Returns a line for each slot, or, if there are too many, one line for the rest."""
    by_slot = {run.slot: run for run in state.running.values()}
    # If nodes come and go, only slots with a trial are shown.
    slots = list(state.slots) or sorted(by_slot)
    if len(slots) <= room:
        return slot_lines([(slot, by_slot.get(slot)) for slot in slots], width, now_s)
    # Training slots come first: an idle slot is of no interest.
    slots.sort(key=lambda slot: slot not in by_slot)
    shown, others = slots[: room - 1], slots[room - 1 :]
    lines = slot_lines([(slot, by_slot.get(slot)) for slot in shown], width, now_s)
    grid = Table.grid()
    grid.add_row(lines)
    grid.add_row(Text(_folded([by_slot.get(slot) for slot in others], bool(shown)), style="dim"))
    return grid


def _folded(runs: Sequence[Running | None], some_shown: bool) -> str:
    training = [run.progress for run in runs if run is not None and run.progress is not None]
    starting = sum(run is not None and run.progress is None for run in runs)
    parts = []
    if training:
        epochs = sorted(progress.epoch for progress in training)
        span = f"{epochs[0]}" if epochs[0] == epochs[-1] else f"{epochs[0]} to {epochs[-1]}"
        parts.append(f"{len(training)} in {training[0].unit} {span}")
    parts += [f"{starting} starting"] * bool(starting)
    idle = sum(run is None for run in runs)
    parts += [f"{idle} idle"] * bool(idle)
    more = "more " if some_shown else ""
    return f"{len(runs)} {more}slots: {', '.join(parts)}"


def slot_lines(slots: Sequence[tuple[str, Running | None]], width: int, now_s: float) -> Table:
    """Returns a line for each slot; an idle one says so.

    Args:
        slots: each slot's name, and what trains there.
        width: columns of the screen; if it is narrow, the bar is dropped first, then the speed.
        now_s: the clock.
    """
    texts = [_texts(name, run, now_s) for name, run in slots]
    columns = ["slot", "trial", "epoch", *_SPARE]
    wide = {
        name: max((cell_len(row.get(name, "")) for row in texts), default=0) for name in columns
    }
    wide["bar"] = _BAR * any("bar" in row for row in texts)
    for spare in _SPARE:
        if sum(wide[name] + _SPACING for name in columns) - _SPACING > width:
            columns.remove(spare)
    grid = Table.grid(padding=(0, _SPACING))
    styles = {"slot": "bold", "trial": "cyan", "left": "dim"}
    for name in columns:
        side = "right" if name == "speed" else "left"
        grid.add_column(no_wrap=True, width=wide[name], justify=side)  # type: ignore[arg-type]
    for row, (_, run) in zip(texts, slots, strict=True):
        cells = [_cell(name, row, run, styles.get(name, "")) for name in columns]
        grid.add_row(*cells)
    return grid


def _cell(name: str, row: dict[str, str], run: Running | None, style: str) -> RenderableType:
    if name == "bar" and run is not None and "bar" in row:
        return _bar(min(run.fraction, 1.0), 1.0)
    idle = run is None or run.progress is None
    return Text(row.get(name, ""), style="dim" if idle and name != "slot" else style)


def _texts(slot: str, run: Running | None, now_s: float) -> dict[str, str]:
    if run is None:
        return {"slot": slot, "trial": "idle"}
    row = {"slot": slot, "trial": f"trial {run.number}"}
    if run.progress is None:
        return {**row, "epoch": "starting"}
    left = run.seconds_left(now_s)
    speed = run.progress.samples_per_s
    return {
        **row,
        "epoch": f"{run.progress.unit} {run.progress.epoch}/{run.progress.epochs or '?'}",
        "bar": "",
        "speed": f"{speed:,.0f}/s" if speed else "",
        "left": "" if left is None else f"{spell(left)} left",
    }


def _budget(state: SearchState, now_s: float) -> Table:
    aim = goal(state.study.budget, state.counts)
    finished = done(state.counts)
    share = f"{finished} done" if aim is None else f"{finished}/{aim}"
    grid = Table.grid(padding=(0, _SPACING))
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    bar = Text() if aim is None else _bar(finished, max(aim, 1))
    grid.add_row(bar, Text(share, style="bold"), Text(counts_line(state.counts)))
    if _slot_count(state):  # where nothing trains, the clock stands still
        grid.add_row("", "", Text(state.time_words(now_s), style="dim"))
    return grid


def _bar(completed: float, total: float) -> ProgressBar:
    # The rest of rich's own bar is nearly black, which looks like the part done on a white screen.
    return ProgressBar(
        total, completed, _BAR, style="dim", complete_style="cyan", finished_style="green"
    )
