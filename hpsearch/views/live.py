"""The live view of a search in a terminal: leaderboard, slots and budget, redrawn in place."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import final

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from hpsearch.search.results import StudyRecord, TrialRecord
from hpsearch.spec.job import Scalar
from hpsearch.spec.messages import Progress
from hpsearch.views.board import Board
from hpsearch.views.budget import counts_line, done, opening_line
from hpsearch.views.durations import spell
from hpsearch.views.leaderboard import leaderboard
from hpsearch.views.slot_lines import slot_lines

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
        self._board: Board | None = None
        self._drawn_s = float("-inf")

    def opened(self, study: StudyRecord, slots: list[str]) -> None:
        """Says what is on record already and begins to draw."""
        self._board = Board(study, tuple(slots), self._clock())
        self._console.print(Text(opening_line(study), style="bold"), soft_wrap=True)
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._live.start()

    def started(
        self, number: int, slot: str, params: Mapping[str, Scalar], from_epoch: int
    ) -> None:
        """Shows a trial on its slot."""
        if self._board:
            self._board.started(number, slot, params, from_epoch, self._clock())

    def progressed(self, number: int, progress: Progress) -> None:
        """Moves a slot's line on."""
        if self._board:
            self._board.progressed(number, progress)

    def reported(self, number: int, step: int, values: Mapping[str, float]) -> None:
        """Adds a value to a trial's curve."""
        if self._board:
            self._board.reported(number, step, values)

    def ended(self, trial: TrialRecord) -> None:
        """Moves a trial from its slot into the leaderboard; a failure is told above it."""
        if self._board:
            self._board.ended(trial)
        if trial.state == "failed":
            reason = trial.attributes.get("failure") or "no reason on record"
            self.note(f"trial {trial.number} failed: {reason}")

    def note(self, text: str) -> None:
        """Prints a line above the live part, where it stays."""
        self._console.print(Text(text, style="yellow"), soft_wrap=True)

    def refresh(self) -> None:
        """Draws again if the last drawing is a quarter of a second old."""
        now_s = self._clock()
        if self._live is None or self._board is None or now_s - self._drawn_s < _REDRAW_S:
            return
        self._drawn_s = now_s
        self._live.update(screen(self._board, self._console, now_s), refresh=True)

    def closed(self, study: StudyRecord) -> None:
        """Clears the live part; what stands at the end is printed by the command."""
        self.stop()

    def stop(self) -> None:
        """Gives the terminal back, also after an error."""
        if self._live is not None:
            self._live.stop()
            self._live = None


def screen(board: Board, console: Console, now_s: float) -> Group:
    """Returns the whole live part: leaderboard, a line a slot, the budget."""
    rows = max(console.height - len(board.slots) - _LINES_AROUND, 3)
    leader = board.leader
    return Group(
        leaderboard(
            board.standings.first(rows),
            board.study.objectives,
            width=console.width,
            limit=rows,
            marked=() if leader is None else (leader.number,),
            count=len(board.trials),
        ),
        Text(),
        slot_lines(board.slots, board.running.values(), now_s),
        Text(),
        _budget(board, now_s),
    )


def _budget(board: Board, now_s: float) -> Table:
    budget = board.study.budget
    left = board.seconds_left(now_s)
    time_words = f"{spell(now_s - board.began_s)} so far"
    time_words += "" if left is None else f", about {spell(left)} left"
    finished = done(board.counts)
    bar = Text() if budget is None else _bar(finished, budget)
    share = f"{finished} done" if budget is None else f"{finished}/{budget}"
    grid = Table.grid(padding=(0, 2))
    grid.add_row(bar, Text(share, style="bold"), Text(counts_line(board.counts)))
    grid.add_row("", "", Text(time_words, style="dim"))
    return grid


def _bar(finished: int, budget: int) -> ProgressBar:
    return ProgressBar(total=max(budget, 1), completed=finished, width=16)
