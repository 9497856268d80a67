from __future__ import annotations

import math

from hpsearch.views.formatting import sparkline


def test_curve_goes_from_its_own_least_to_its_own_greatest() -> None:
    assert sparkline([0.0, 0.5, 1.0], 10) == "▁▅█"


def test_long_curve_is_thinned_to_the_width_and_keeps_its_last_value() -> None:
    line = sparkline([*range(100), -1], 8)
    assert len(line) == 8
    assert line[-1] == "▁"
    assert line[-2] == "█"


def test_flat_curve_is_drawn_in_the_middle() -> None:
    assert sparkline([2.0, 2.0], 4) == "▄▄"


def test_values_that_are_not_finite_are_blank() -> None:
    assert sparkline([math.nan, 0.0, math.inf, 1.0], 4) == " ▁ █"
    assert sparkline([math.nan], 4) == " "


def test_huge_values_do_not_overflow() -> None:
    assert sparkline([-1.7e308, 1.7e308], 4) == "▁█"


def test_no_values_draw_nothing() -> None:
    assert sparkline([], 4) == ""
