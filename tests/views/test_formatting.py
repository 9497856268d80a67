from __future__ import annotations

import io
import math

import pytest
from rich.console import Console

from hpsearch.views.curve import Curve
from hpsearch.views.formatting import cut_apart, one_line, sparkline


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


@pytest.mark.parametrize(("encoding", "drawn"), [("utf-8", "▁▅█"), ("latin-1", "_=#")])
def test_a_terminal_without_blocks_gets_what_it_has(encoding: str, drawn: str) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding)
    Console(file=stream, width=20).print(Curve([0.0, 0.5, 1.0], 10))
    stream.seek(0)
    assert stream.read() == f"{drawn}\n"


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (["val_loss", "val_acc"], ["val_loss", "val_acc"]),
        (["val_iou_of_cat", "val_iou_of_dog"], ["val_i…_cat", "val_i…_dog"]),
        (["iou_of_cat_val_top", "iou_of_dog_val_top"], ["iou_of_c…p", "iou_of_d…p"]),
        (["a_long_metric_of_x", "short"], ["a_lon…of_x", "short"]),
    ],
)
def test_long_names_are_cut_so_that_they_differ(names: list[str], shown: list[str]) -> None:
    assert cut_apart(names, 10) == shown


def test_parameters_are_shown_whole_or_counted() -> None:
    params = {"model.width": 128, "optimizer.lr": 0.00123, "model.depth": 3}
    assert one_line(params, room=30) == "width=128 lr=0.00123 depth=3"
    assert one_line(params, room=27) == "width=128 lr=0.00123 +1"
    assert one_line(params, room=12) == "width=128 +2"
    assert one_line(params, room=11) == "+3"
    assert one_line(params, room=1) == ""
