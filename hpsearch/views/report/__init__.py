"""The report: an HTML page that explains a study; one file per section, each from plain data."""

from __future__ import annotations

from hpsearch.views.report.compared import render_comparison
from hpsearch.views.report.page import render

__all__ = ["render", "render_comparison"]
