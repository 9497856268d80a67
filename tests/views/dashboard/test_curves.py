"""A trial's curves as CSV and as a picture."""

from __future__ import annotations

import csv
import io

import pytest

from hpsearch.protocol.messages import Report
from hpsearch.views.dashboard.curves import as_csv, as_svg, last_words


def report(step: int, **metrics: float) -> Report:
    return Report(step, {}, metrics, float(step))


def test_each_epoch_is_a_line_and_each_metric_a_column() -> None:
    text = as_csv([report(1, val_loss=0.5), report(2, val_loss=-0.25, lr=1e-3)]).decode()
    assert text == "epoch,val_loss,lr\n1,0.5,\n2,-0.25,0.001\n"


def test_a_name_that_a_spreadsheet_would_run_is_quoted() -> None:
    hostile = ["=1+1", "+1", "-1", "@SUM(A1)", "\r=1", "a\r=1", "a\n=1", "plain"]
    text = as_csv([report(1, **dict.fromkeys(hostile, 0.0))]).decode()
    heading = next(csv.reader(io.StringIO(text, newline="")))
    quoted = ["'=1+1", "'+1", "'-1", "'@SUM(A1)", "' =1", "a =1", "a\n=1", "plain"]
    assert heading == ["epoch", *quoted]


@pytest.mark.parametrize("by", ["_", "/"])
def test_training_and_validation_share_a_panel(by: str) -> None:
    metrics = {f"train{by}loss": 1.0, f"val{by}loss": 2.0, f"val{by}accuracy": 0.5, "seconds": 3.0}
    picture = as_svg([report(1, **metrics), report(2, **metrics)]).decode()
    assert picture.count('id="axes_') == 2
    assert picture.startswith("<?xml")


def test_a_single_epoch_has_one_tick() -> None:
    ticks = as_svg([report(1, val_loss=0.5)]).decode().partition('id="matplotlib.axis_2"')[0]
    assert ticks.count('id="xtick_') == 1


def test_a_picture_of_nothing_and_one_of_hostile_names_are_drawn() -> None:
    assert b"<svg" in as_svg([])
    picture = as_svg([report(1, **{"$\\frac": 1.0, "<script>": 2.0, "late": 3.0}), report(2, x=1)])
    assert b"<script" not in picture


def test_an_epoch_trained_again_counts_once() -> None:
    again = [report(1, a=1.0), report(2, a=2.0), report(2, a=3.0)]
    assert [(r.step, r.metrics["a"]) for r in last_words(again)] == [(1, 1.0), (2, 3.0)]
    assert last_words([]) == []
