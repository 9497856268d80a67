"""The view of a running search in a notebook: one table, redrawn in place."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from html import escape
from typing import Any, final

from hpsearch.search.store import StudyRecord
from hpsearch.views.formatting import spell
from hpsearch.views.live.redrawn import AbstractRedrawnView
from hpsearch.views.live.search_state import Running, SearchState
from hpsearch.views.tables import progress_html, study_html, trials_html

_REDRAW_S = 1.0
_NOTES = 5

Show = Callable[[str], None]


@final
class NotebookView(AbstractRedrawnView):
    """Shows a running search below the cell that runs it. An Observer.

    Args:
        show: replaces the HTML it was given before.
        clock: seconds.
    """

    def __init__(self, show: Show, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(clock)
        self._show = show
        self._notes: list[str] = []

    def note(self, text: str) -> None:
        """Shows a line below the table; only the last few stay."""
        self._notes = [*self._notes, text][-_NOTES:]

    def refresh(self) -> None:
        """Redraws if the last drawing is a second old."""
        now_s = self._clock()
        if self._state is not None and now_s - self._drawn_s >= _REDRAW_S:
            self._drawn_s = now_s
            self._show(state_html(self._state, now_s) + self._words())

    def closed(self, study: StudyRecord) -> None:
        """Shows the study as it is at the end."""
        self._show(study_html(study) + self._words())

    def stop(self) -> None:
        """Does nothing: what was drawn stays."""

    def _words(self) -> str:
        return "".join(f"<p>{escape(note)}</p>" for note in self._notes)


def state_html(state: SearchState, now_s: float) -> str:
    """Returns how far a search is, what trains on each slot, and its trials."""
    head = (
        f"<p><b>{escape(state.study.name)}</b>: {progress_html(state.study.budget, state.counts)};"
        f" {state.time_words(now_s)}</p>"
    )
    running = [_slot(run, now_s) for run in sorted(state.running.values(), key=lambda r: r.slot)]
    slots = f"<p>{'<br>'.join(running)}</p>" if running else ""
    return head + slots + trials_html([*state.trials.values()], state.study)


def _slot(run: Running, now_s: float) -> str:
    if run.progress is None:
        return escape(f"{run.slot}: trial {run.number}, starting")
    left = run.seconds_left(now_s)
    words = f"{run.slot}: trial {run.number}, {run.progress.unit} {run.progress.epoch}"
    words += f" of {run.progress.epochs}" if run.progress.epochs else ""
    bar = f'<progress value="{run.fraction:.3f}" max="1"></progress>'
    return f"{escape(words)} {bar}" + ("" if left is None else f" {spell(left)} left")


def in_notebook() -> bool:
    """Returns whether this is a kernel whose cells can show HTML."""
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
