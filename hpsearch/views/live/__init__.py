"""A search while it runs."""

from __future__ import annotations

from hpsearch.views.live.plain import PlainView
from hpsearch.views.live.terminal import live_view, open_console, search_view

__all__ = ["PlainView", "live_view", "open_console", "search_view"]
