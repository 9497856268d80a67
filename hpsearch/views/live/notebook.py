"""The view of a running search in a notebook: one table, redrawn in its place."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from html import escape
from typing import Any, final

from hpsearch.protocol.messages import Progress
from hpsearch.protocol.types import Scalar
from hpsearch.search.store import StudyRecord, TrialRecord
from hpsearch.views.formatting import spell
from hpsearch.views.live.search_state import Running, SearchState
from hpsearch.views.tables import progress_html, study_html, trials_html

_REDRAW_S = 1.0
_NOTES = 5

Show = Callable[[str], None]


@final
class NotebookView:
    """Shows a running search below the cell that runs it; an Observer.

    Args:
        show: puts HTML in the place of what it was given before.
        clock: seconds.
    """

    def __init__(self, show: Show, clock: Callable[[], float] = time.monotonic) -> None:
        self._show = show
        self._clock = clock
        self._state: SearchState | None = None
        self._notes: list[str] = []
        self._drawn_s = float("-inf")

    def opened(self, study: StudyRecord, slots: list[str]) -> None:
        """Shows what is on record already."""
        self._state = SearchState(study, tuple(slots), self._clock())

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
        """Moves a trial from its slot into the table."""
        if self._state:
            self._state.ended(trial)
        if trial.state == "failed":
            self.note(f"trial {trial.number} failed: {trial.failure}")

    def note(self, text: str) -> None:
        """Shows a line below the table; the last ones stay."""
        self._notes = [*self._notes, text][-_NOTES:]

    def refresh(self) -> None:
        """Draws again if the last drawing is a second old."""
        now_s = self._clock()
        if self._state is not None and now_s - self._drawn_s >= _REDRAW_S:
            self._drawn_s = now_s
            self._show(state_html(self._state, now_s) + self._words())

    def closed(self, study: StudyRecord) -> None:
        """Leaves the study as it stands at the end."""
        self._show(study_html(study) + self._words())

    def stop(self) -> None:
        """Does nothing: what was drawn stays."""

    def _words(self) -> str:
        return "".join(f"<p>{escape(note)}</p>" for note in self._notes)


def state_html(state: SearchState, now_s: float) -> str:
    """Returns how far a search is, what trains on each slot, and its trials."""
    left = state.seconds_left(now_s)
    time_words = f"{spell(now_s - state.began_s)} so far"
    time_words += "" if left is None else f", about {spell(left)} left"
    head = (
        f"<p><b>{escape(state.study.name)}</b>: {progress_html(state.study.budget, state.counts)};"
        f" {time_words}</p>"
    )
    running = [_slot(run, now_s) for run in sorted(state.running.values(), key=lambda r: r.slot)]
    slots = f"<p>{'<br>'.join(running)}</p>" if running else ""
    return head + slots + trials_html([*state.trials.values()], state.study.objectives)


def _slot(run: Running, now_s: float) -> str:
    if run.progress is None:
        return escape(f"{run.slot}: trial {run.number}, starting")
    left = run.seconds_left(now_s)
    words = f"{run.slot}: trial {run.number}, {run.progress.unit} {run.progress.epoch}"
    words += f" of {run.progress.epochs}" if run.progress.epochs else ""
    bar = f'<progress value="{run.fraction:.3f}" max="1"></progress>'
    return f"{escape(words)} {bar}" + ("" if left is None else f" {spell(left)} left")


def in_notebook() -> bool:
    """Tells whether this is a kernel whose cells can show HTML."""
    shell: Any = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return shell is not None and hasattr(shell, "kernel")


def notebook_view() -> NotebookView:
    """Returns a view that draws below the running cell."""
    from IPython.display import HTML, display

    handles: list[Any] = []

    def show(html: str) -> None:
        page = HTML(html)  # type: ignore[no-untyped-call]
        if handles:
            handles[0].update(page)
        else:
            handles.append(display(page, display_id=True))  # type: ignore[no-untyped-call]

    return NotebookView(show)
