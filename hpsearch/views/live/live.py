"""One line a slot: which trial trains there, how far it is, how fast, and how long it takes yet."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import final

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from hpsearch.protocol.messages import Progress
from hpsearch.protocol.types import Scalar
from hpsearch.search.store import StudyRecord, TrialRecord
from hpsearch.views.formatting import spell
from hpsearch.views.live.search_state import Running, SearchState
from hpsearch.views.ranking import counts_line, done, opening_line
from hpsearch.views.tables import leaderboard

_BAR = 16


def slot_lines(slots: Iterable[str], running: Iterable[Running], now_s: float) -> Table:
    """Returns a line for each slot; an idle one says so."""
    by_slot = {run.slot: run for run in running}
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column(width=_BAR)
    grid.add_column(no_wrap=True, justify="right")
    grid.add_column(no_wrap=True)
    for slot in slots:
        run = by_slot.get(slot)
        if run is None:
            grid.add_row(Text(slot, style="bold"), Text("idle", style="dim"))
        else:
            grid.add_row(Text(slot, style="bold"), *_cells(run, now_s))
    return grid


def _cells(run: Running, now_s: float) -> tuple[Text | ProgressBar, ...]:
    trial = Text(f"trial {run.number}", style="cyan")
    if run.progress is None:
        return trial, Text("starting", style="dim")
    left = run.seconds_left(now_s)
    return (
        trial,
        Text(f"{run.progress.unit} {run.progress.epoch}/{run.progress.epochs or '?'}"),
        ProgressBar(total=1.0, completed=min(run.fraction, 1.0), width=_BAR),
        Text(f"{run.progress.samples_per_s:,.0f}/s"),
        Text("" if left is None else f"{spell(left)} left", style="dim"),
    )


# Drawing takes some 10 ms of a core that trials train on.
_REDRAW_S = 0.25
_LINES_AROUND = 8


@final
class LiveView:
    """Shows a running search in place; an Observer.

    Nothing is drawn by a thread of its own: the coordinator forks, and calls `refresh`.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._live: Live | None = None
        self._state: SearchState | None = None
        self._drawn_s = float("-inf")

    def opened(self, study: StudyRecord, slots: list[str]) -> None:
        """Says what is on record already and begins to draw."""
        self._state = SearchState(study, tuple(slots), self._clock())
        self._console.print(Text(opening_line(study), style="bold"), soft_wrap=True)
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._live.start()

    def started(
        self, number: int, slot: str, params: Mapping[str, Scalar], from_epoch: int
    ) -> None:
        """Shows a trial on its slot."""
        if self._state:
            self._state.started(number, slot, params, from_epoch, self._clock())

    def progressed(self, number: int, progress: Progress) -> None:
        """Moves a slot's line on."""
        if self._state:
            self._state.progressed(number, progress)

    def reported(self, number: int, step: int, values: Mapping[str, float]) -> None:
        """Adds a value to a trial's curve."""
        if self._state:
            self._state.reported(number, step, values)

    def ended(self, trial: TrialRecord) -> None:
        """Moves a trial from its slot into the leaderboard; a failure is told above it."""
        if self._state:
            self._state.ended(trial)
        if trial.state == "failed":
            reason = trial.failure
            self.note(f"trial {trial.number} failed: {reason}")

    def note(self, text: str) -> None:
        """Prints a line above the live part, where it stays."""
        self._console.print(Text(text, style="yellow"), soft_wrap=True)

    def refresh(self) -> None:
        """Draws again if the last drawing is a quarter of a second old."""
        now_s = self._clock()
        if self._live is None or self._state is None or now_s - self._drawn_s < _REDRAW_S:
            return
        self._drawn_s = now_s
        self._live.update(screen(self._state, self._console, now_s), refresh=True)

    def closed(self, study: StudyRecord) -> None:
        """Clears the live part; what stands at the end is printed by the command."""
        self.stop()

    def stop(self) -> None:
        """Gives the terminal back, also after an error."""
        if self._live is not None:
            self._live.stop()
            self._live = None


def screen(state: SearchState, console: Console, now_s: float) -> Group:
    """Returns the whole live part: leaderboard, a line a slot, the budget."""
    running = state.running.values()
    # On nodes that come and go, the slots to show are those with a trial.
    slots = state.slots or sorted(run.slot for run in running)
    rows = max(console.height - len(slots) - _LINES_AROUND, 3)
    leader = state.leader
    return Group(
        leaderboard(
            state.ranking.first(rows),
            state.study.objectives,
            width=console.width,
            limit=rows,
            marked=() if leader is None else (leader.number,),
            count=len(state.trials),
        ),
        Text(),
        slot_lines(slots, running, now_s),
        Text(),
        _budget(state, now_s),
    )


def _budget(state: SearchState, now_s: float) -> Table:
    budget = state.study.budget
    left = state.seconds_left(now_s)
    time_words = f"{spell(now_s - state.began_s)} so far"
    time_words += "" if left is None else f", about {spell(left)} left"
    finished = done(state.counts)
    bar = Text() if budget is None else _bar(finished, budget)
    share = f"{finished} done" if budget is None else f"{finished}/{budget}"
    grid = Table.grid(padding=(0, 2))
    grid.add_row(bar, Text(share, style="bold"), Text(counts_line(state.counts)))
    grid.add_row("", "", Text(time_words, style="dim"))
    return grid


def _bar(finished: int, budget: int) -> ProgressBar:
    return ProgressBar(total=max(budget, 1), completed=finished, width=16)
