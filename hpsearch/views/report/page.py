"""The whole report as one HTML page that makes no network requests."""

from __future__ import annotations

import base64
import html
import json
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from hpsearch.measure.report import ReportData
from hpsearch.views.report.blocks import Section
from hpsearch.views.report.sections.advice import advice
from hpsearch.views.report.sections.confirmed import confirmed, ensemble
from hpsearch.views.report.sections.cost import cost
from hpsearch.views.report.sections.curves import curves
from hpsearch.views.report.sections.failures import failures
from hpsearch.views.report.sections.generalization_gap import generalization_gap
from hpsearch.views.report.sections.history import history
from hpsearch.views.report.sections.importance import importance
from hpsearch.views.report.sections.leaderboard import leaderboard
from hpsearch.views.report.sections.parallel import parallel
from hpsearch.views.report.sections.pareto_front import pareto_front
from hpsearch.views.report.sections.pruning import pruning
from hpsearch.views.report.sections.reproduce import reproduce
from hpsearch.views.report.sections.sheet import sheet
from hpsearch.views.report.sections.slices import slices
from hpsearch.views.report.sections.summary import summary
from hpsearch.views.report.sections.timeline import timeline
from hpsearch.views.report.sections.winner import winner

# In the order of a reader's questions: the result, why, how certain, at what cost, what next.
SECTIONS: tuple[Callable[[ReportData], Section | None], ...] = (
    *(summary, confirmed, ensemble, leaderboard, pareto_front, history),
    *(importance, slices, parallel),
    *(
        curves,
        generalization_gap,
        winner,
        sheet,
        cost,
        pruning,
        timeline,
        failures,
        advice,
        reproduce,
    ),
)


def render(data: ReportData) -> str:
    """Returns the page. Every text of the study is escaped, in HTML and in the drawings."""
    found = [section(data) for section in SECTIONS]
    sections = [section for section in found if section is not None]
    return to_html(data.study.name, "report of a hyperparameter search", data.now, sections)


def to_html(title: str, subject: str, made: datetime, sections: Sequence[Section]) -> str:
    """Returns a self-contained page of these sections.

    Args:
        title: its heading.
        subject: what it is, in a few words.
        made: when it is made.
        sections: in order.
    """
    environment = Environment(
        loader=PackageLoader("hpsearch.views.report", "template"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"drawing": drawing, "data": in_script, "base64": _base64}
    environment.filters["prose"] = prose
    return environment.get_template("page.html").render(
        title=title,
        subject=subject,
        made=made.strftime("%Y-%m-%d %H:%M"),
        sections=sections,
        style=_of_ours("page.css"),
        script=_of_ours("page.js"),
        plotly=Markup(get_plotlyjs()),
    )


def drawing(traces: Any, layout: Any) -> Markup:
    """Returns a drawing as JSON that can be put into a script element.

    Its texts become plotly's own HTML-like markup: what would be a tag there is escaped, and a
    line's end becomes `<br>`.
    """
    return in_script(_for_plotly({"data": traces, "layout": layout}))


def in_script(value: Any) -> Markup:
    """Returns plain data as JSON that can be put into a script element."""
    text = json.dumps(value, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def prose(text: str) -> Markup:
    """Returns a sentence as HTML: text between backticks is code."""
    pieces = enumerate(text.split("`"))
    return Markup("").join(
        Markup("<code>{}</code>").format(piece) if place % 2 else piece for place, piece in pieces
    )


def _for_plotly(value: Any) -> Any:
    if isinstance(value, str):
        return html.escape(value, quote=False).replace("\n", "<br>")
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _for_plotly(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_for_plotly(entry) for entry in value]
    return value


def _base64(png: bytes) -> str:
    return base64.b64encode(png).decode("ascii")


def _of_ours(name: str) -> Markup:
    return Markup((files("hpsearch.views.report") / "template" / name).read_text(encoding="utf-8"))
