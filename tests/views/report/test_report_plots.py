from __future__ import annotations

import math
import re
from importlib.resources import files

import pytest

from hpsearch.studyfile.distributions import Choice, FloatRange, IntRange
from hpsearch.views.report import plots


def test_thinning_keeps_the_first_and_the_last_and_spreads_evenly() -> None:
    assert plots.thinned(range(101), 11) == list(range(0, 101, 10))
    assert plots.thinned([1, 2, 3], 11) == [1, 2, 3]


def test_frame_cuts_the_bad_side_only() -> None:
    values = [0.98, 0.981, 0.982, 0.983, 0.984] * 3 + [0.1]
    frame = plots.framed(values, "maximize")
    assert frame["cut"], "the page offers a button that shows the outliers"
    low, high = frame["range"]
    assert 0.9 < low < 0.98
    assert high > 0.984
    assert plots.framed(values, "minimize") == {}
    low, high = plots.framed([-value for value in values], "minimize")["range"]
    assert low < -0.984
    assert -0.98 < high < -0.9


def test_trials_that_stopped_before_do_not_widen_the_frame() -> None:
    values = [0.78, 0.85, 0.9, 0.92, 0.93, 0.95]
    frame = plots.framed(values, "maximize", others=[0.2] * 6)
    assert frame["cut"]
    assert 0.4 < frame["range"][0] < 0.78
    assert plots.framed(values, "maximize") == {}


@pytest.mark.parametrize("values", [[], [0.5], [0.5] * 10, [0.1, 0.2, 0.3, 0.4, 0.5]])
def test_values_without_outliers_need_no_frame(values: list[float]) -> None:
    assert plots.framed(values, "maximize") == {}


def test_axis_of_a_range_shows_all_of_it() -> None:
    axis = plots.parameter_axis("lr", FloatRange(1e-4, 1e-1, log=True))
    low, high = axis["range"]
    assert axis["type"] == "log"
    assert -4.2 < low < -4 < -1 < high < -0.8
    assert axis["tickvals"] == [1e-4, 1e-3, 1e-2, 1e-1]


def test_axis_of_a_choice_keeps_the_order_of_the_file() -> None:
    axis = plots.parameter_axis("batch", Choice((64, 8, None)))
    assert axis["categoryarray"] == ["64", "8", "None"]
    assert axis["range"] == [-0.5, 2.5], "an option that no trial took has its place"
    assert "ticktext" not in axis


def test_a_long_name_of_an_option_leaves_room_for_the_drawing() -> None:
    axis = plots.parameter_axis("net", Choice(("a network of many words", "short")))
    assert axis["tickvals"] == ["a network of many words", "short"]
    assert axis["ticktext"] == ["a networ…y words", "short"]


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (20, 60, [20, 30, 40, 50, 60]),
        (0.01, 0.25, [0.01, 0.02, 0.05, 0.1, 0.2]),
        (1, 1e5, [1, 10, 100, 1e3, 1e4, 1e5]),
        (8478, 15847, [9000, 10000, 12000, 15000]),
        (0.31, 0.32, [0.31, 0.32]),
        (7, 7, [7, 7]),
    ],
)
def test_log_ticks_are_few_and_round(low: float, high: float, ticks: list[float]) -> None:
    assert plots.log_ticks(low, high) == pytest.approx(ticks)


def test_lines_are_one_trace_with_gaps() -> None:
    trace = plots.lines([[(1, 0.1, "a"), (2, 0.2, "b")], [(1, 0.3, "c")]], color="red")
    assert trace["x"] == (1, 2, None, 1)
    assert trace["y"] == (0.1, 0.2, None, 0.3)
    assert trace["connectgaps"] is False


def test_nothing_to_draw_is_an_empty_trace() -> None:
    assert plots.points([])["x"] == ()
    assert plots.lines([], color="red")["x"] == ()


def test_numbers_are_written_in_six_digits() -> None:
    assert plots.short(0.123456789) == 0.123457
    assert math.isnan(plots.short(math.nan))


def test_a_screen_reader_hears_where_the_points_are() -> None:
    drawn = plots.figure(
        "values",
        [
            plots.points([(0, 0.5, ""), (3, 0.75, "")], name="trial"),
            plots.lines([[(0, 0.5, "")], [(2, 0.75, "")]], color=plots.RED, name="best"),
            plots.points([("adam", 0.5, ""), ("sgd", 0.5, "")]),
        ],
        x=plots.axis("trial"),
        y=plots.axis("val_accuracy"),
    )
    assert drawn.spoken == (
        "val_accuracy against trial. trial: 2 points, 0 to 3 across, 0.5 to 0.75 up;"
        " best: 2 points, 0 to 2 across, 0.5 to 0.75 up; 2 points, 2 kinds across, 0.5 to 0.5 up"
    )


STYLE = (files("hpsearch.views.report") / "template" / "page.css").read_text(encoding="utf-8")
SCHEMES = re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
MARKS = ("blue", "orange", "red", "green", "purple", "violet", "grey", "early")


@pytest.mark.parametrize("scheme", SCHEMES, ids=["light", "dark", "print"])
def test_marks_and_words_stand_out_from_the_page(scheme: str) -> None:
    colors = dict(re.findall(r"--(\w+): #(\w{6})", scheme))
    paper = rgb(colors["paper"])
    for name in MARKS:
        shown = [
            0.85 * mark + 0.15 * below for mark, below in zip(rgb(colors[name]), paper, strict=True)
        ]
        assert contrast(shown, paper) >= 3, name
    for name in ("ink", "quiet", "link"):
        for below in ("paper", "raised"):
            assert contrast(rgb(colors[name]), rgb(colors[below])) >= 4.5, (name, below)
    assert contrast(rgb(colors["ink"]), rgb(colors["mark"])) >= 4.5


def rgb(color: str) -> list[float]:
    return [int(color[place : place + 2], 16) / 255 for place in (0, 2, 4)]


def contrast(one: list[float], other: list[float]) -> float:
    """The ratio of WCAG 2.2, from 1 to 21."""
    light, dark = sorted(map(luminance, (one, other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(color: list[float]) -> float:
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in color]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_whole_numbers_have_whole_ticks() -> None:
    assert plots.whole_axis("trial", 3)["dtick"] == 1
    assert "dtick" not in plots.whole_axis("trial", 300)
    assert plots.parameter_axis("layers", IntRange(1, 4))["dtick"] == 1
    assert "dtick" not in plots.parameter_axis("width", IntRange(8, 512, log=True))
    assert "dtick" not in plots.parameter_axis("dropout", FloatRange(0.0, 0.5))
