from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from browser import Browser

from hpsearch.views.report.page import SECTIONS, drawing, prose, render

EVIL = "<img src=x onerror=alert(1)>"


class Page(HTMLParser):
    """What a browser would make of the page: its tags, headings and words."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.headings: list[str] = []
        self.words: list[str] = []
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag

    def handle_data(self, data: str) -> None:
        if self._inside not in ("script", "style"):
            self.words.append(data)
        if self._inside == "h2" and data.strip():
            self.headings.append(data)


def test_page_needs_no_network(make_material: Any, make_searched: Any) -> None:
    page = Page(render(make_material(make_searched(0))))
    loaded = [
        value
        for tag, attributes in page.tags
        for name, value in attributes.items()
        if name in ("src", "href") and not (tag == "a" and (value or "").startswith("#"))
    ]
    assert all((value or "").startswith("data:") for value in loaded)
    policy = [a["content"] for t, a in page.tags if t == "meta" and "http-equiv" in a]
    assert policy[0] is not None
    assert policy[0].startswith("default-src 'none'")


@pytest.fixture
def hostile(make_material: Any, make_trial: Any) -> str:
    """The page of a study whose every name and message is an attack."""
    goal = {EVIL: "maximize"}
    trials = [
        make_trial(0, params={f"model.{EVIL}": EVIL}),
        make_trial(1, params={f"model.{EVIL}": "a"}),
        make_trial(2, "failed", params={}, attributes={"failure": f"</script>{EVIL}"}),
    ]
    inspection = {
        "images": 2,
        "classes": [EVIL, "b"],
        "confusion": [[1, 0], [1, 0]],
        "mistakes": [{"png": b"", "truth": EVIL, "guess": "b", "confidence": 1.0}],
    }
    model = {EVIL: f"~choice('a', '{EVIL}')"}
    return render(make_material(*trials, objectives=goal, model=model, inspection=inspection))


def test_names_and_messages_cannot_become_html(hostile: str) -> None:
    page = Page(hostile)
    assert not [tag for tag, attributes in page.tags if "onerror" in attributes]
    assert EVIL in "".join(page.words)
    assert EVIL not in hostile


@pytest.mark.browser
def test_a_browser_draws_hostile_names_as_text(
    hostile: str, tmp_path: Path, browser: Browser
) -> None:
    path = tmp_path / "hostile.html"
    path.write_text(hostile)
    seen = browser.open(path.as_uri())
    assert seen.console == []
    assert not [tag for tag, attributes in Page(seen.dom).tags if "onerror" in attributes]
    assert "data-drawn=" in seen.dom


def test_a_drawing_s_texts_are_text() -> None:
    raw = drawing([{"text": [f"{EVIL}\nsecond"], "y": [float("nan"), 1.5]}], {"title": "</script>"})
    assert "<" not in raw
    assert json.loads(raw) == {
        "data": [{"text": ["&lt;img src=x onerror=alert(1)&gt;<br>second"], "y": [None, 1.5]}],
        "layout": {"title": "&lt;/script&gt;"},
    }


def test_prose_shows_commands_as_code_and_escapes_the_rest() -> None:
    assert prose("a < b: `x --y <z>`.") == "a &lt; b: <code>x --y &lt;z&gt;</code>."


STATES = ["complete", "pruned", "failed", "running", "waiting"]


@pytest.mark.parametrize("states", [[], *([state] for state in STATES), STATES * 3])
def test_a_study_in_any_state_has_a_report(
    make_material: Any, make_searched: Any, states: list[str]
) -> None:
    trials = [make_searched(n, state, value=n / 20) for n, state in enumerate(states)]
    page = Page(render(make_material(*trials, state="interrupted")))
    assert page.headings[0] == "Summary"
    assert page.headings[-1] == "Reproduce"
    assert ("Failures" in page.headings) == ("failed" in states)
    assert ("History" in page.headings) == bool({"complete", "pruned"} & {*states})


def test_two_objectives_have_a_report_with_a_front(make_material: Any, make_searched: Any) -> None:
    goals = {"val_accuracy": "maximize", "parameters": "minimize"}
    trials = [make_searched(n, values=(n / 10, 10.0 * n)) for n in range(1, 8)]
    data = make_material(*trials, objectives=goals, pareto_front=tuple(trials))
    assert "Pareto front" in Page(render(data)).headings


def test_a_study_that_searches_nothing_has_a_report(make_material: Any, make_trial: Any) -> None:
    page = Page(render(make_material(make_trial(0, params={}), model={})))
    assert "Slices" not in page.headings


def test_every_section_has_a_heading_of_its_own(make_material: Any, make_searched: Any) -> None:
    trials = [make_searched(n, value=n / 20) for n in range(4)]
    data = make_material(*trials)
    anchors = [found.anchor for section in SECTIONS if (found := section(data)) is not None]
    assert len(set(anchors)) == len(anchors)
    assert all(re.fullmatch(r"[a-z-]+", anchor) for anchor in anchors)
