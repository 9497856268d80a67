"""A search while it runs."""

from __future__ import annotations

from hpsearch.views.live.plain import PlainView, trial_line
from hpsearch.views.live.recorded import Watched, watch_screen
from hpsearch.views.live.terminal import live_view, search_view

__all__ = [
    "PlainView",
    "Watched",
    "live_view",
    "search_view",
    "trial_line",
    "watch_screen",
]
