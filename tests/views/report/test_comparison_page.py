"""The page of `hpsearch compare`: what it draws, and that it is accessible."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from browser import Browser

from hpsearch.views.report import render_comparison
from hpsearch.views.tables import Compared

NOW = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture
def compared(make_study: Any, make_trial: Any) -> list[Compared]:
    """Two studies, the second of which has a name that is an attack."""
    facts = {"parameters": 49095, "gap": 0.0123}
    return [
        Compared(
            make_study(
                make_trial(0, value=0.5, seconds=10.0, attributes=facts),
                make_trial(1, "pruned", seconds=5.0),
                make_trial(2, value=0.75, seconds=20.0, attributes=facts),
                name=name,
            ),
            ["model.hidden", "optimizer.lr"],
        )
        for name in ("cnn", EVIL)
    ]


def test_curves_weights_and_settings_lie_over_one_another(compared: list[Compared]) -> None:
    page = render_comparison(compared, NOW)
    for title in ("Summary", "Curves", "Cost", "Settings of the best trials"):
        assert f"<h2>{title}</h2>" in page
    for words in ("49,095", "0.0123", "20s", "35s", "2 complete, 1 pruned"):
        assert f">{words}</td>" in page
    # The best so far: 0.5 after 10 s, 0.75 after 35 s.
    assert '"x":[10.0,35.0,35.0],"y":[0.5,0.75,0.75]' in page
    assert EVIL not in page
    assert "The generalization gap (how much better it is in training than in validation)" in page


def test_values_of_different_objectives_are_not_drawn_together(
    compared: list[Compared], make_study: Any, make_trial: Any
) -> None:
    other = make_study(make_trial(0), name="mlp", objectives={"val_loss": "minimize"})
    page = render_comparison([compared[0], Compared(other, [])], NOW)
    assert "Note: the studies have different objectives" in page
    assert "<h2>Curves</h2>" not in page


def test_a_study_without_trials_is_compared(make_study: Any) -> None:
    page = render_comparison([Compared(make_study(name="new"), ["model.lr"])], NOW)
    assert re.findall("<h2>(.*)</h2>", page) == ["Summary"]
    assert "The weights and the time are those of its best trial." in page


@pytest.mark.browser
@pytest.mark.axe
def test_no_screen_and_no_reader_meets_a_barrier(
    compared: list[Compared], browser: Browser, tmp_path: Path
) -> None:
    path = tmp_path / "compare.html"
    path.write_text(render_comparison(compared, NOW), encoding="utf-8")
    page = browser.open(path.as_uri(), width=1440, height=900)
    for width, scheme in ((1440, "light"), (390, "dark")):
        page.resize(width, 900)
        page.prefer(scheme)
        assert page.audit() == []
        assert page.run("document.documentElement.scrollWidth") == width
    assert page.console == []
    assert page.requests == []
    assert len(page.tab_through()) == page.reachable() > 8
