"""Where the output goes: a terminal with a live view, or a pipe with plain lines."""

from __future__ import annotations

import sys

from rich.console import Console

from hpsearch.views.console import open_console
from hpsearch.views.live.live import LiveView
from hpsearch.views.live.notebook import NotebookView, in_notebook, notebook_view
from hpsearch.views.live.plain import PlainView


def search_view(console: Console) -> LiveView | PlainView:
    """Returns the view of a running search that suits the console."""
    if sys.stdout.isatty() and not console.is_dumb_terminal:
        return LiveView(console)
    return PlainView(sys.stdout)


def live_view() -> LiveView | NotebookView | PlainView:
    """Returns an observer that draws a running search.

    A terminal and a notebook get a view that is redrawn in place, a pipe gets plain lines.
    """
    return notebook_view() if in_notebook() else search_view(open_console())
