"""Durations, numbers, names and commands as people read them."""

from __future__ import annotations

import pytest

from hpsearch.studyfile.document import short_names
from hpsearch.views import formatting
from hpsearch.views.formatting import command, one_line, spell


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "-"),
        (0.04, "0.0s"),
        (3.21, "3.2s"),
        (9.97, "10s"),
        (59.7, "1m 00s"),
        (80, "1m 20s"),
        (3600, "1h 00m"),
        (7500, "2h 05m"),
        (273_600, "3d 04h"),
    ],
)
def test_duration_is_shown_in_its_two_greatest_units(seconds: float | None, words: str) -> None:
    assert spell(seconds) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        *[(None, "-"), (0.98765, "0.9877"), (0.0, "0.0000"), (1.5e-7, "1.5e-07"), (3e9, "3e+09")],
        *[(46592.0, "46592"), (-2000.0, "-2000"), (46592.5, "46592.5000"), (1.0, "1.0000")],
        *[(float("nan"), "nan"), (float("inf"), "inf")],
    ],
)
def test_metric_has_four_decimals_where_they_say_something(value: float | None, words: str) -> None:
    assert formatting.metric(value) == words


def test_settings_are_written_as_in_the_study_file() -> None:
    values = (None, True, 64, 0.123456, "adam", 32000.0, 1234567)
    written = [formatting.setting(value) for value in values]
    assert written == ["null", "true", "64", "0.123", "adam", "32000", "1234567"]


@pytest.mark.parametrize(
    ("count", "words"), [(930, "930 B"), (1234, "1.2 kB"), (4.2e7, "42 MB"), (2e12, "2.0 TB")]
)
def test_sizes_use_the_unit_that_suits(count: float, words: str) -> None:
    assert formatting.size(count) == words


def test_short_name_is_the_shortest_end_that_no_other_parameter_has() -> None:
    names = short_names(["model.dropout", "optimizer.adam.lr", "optimizer.sgd.lr", "optimizer"])
    assert names == {
        "model.dropout": "dropout",
        "optimizer.adam.lr": "adam.lr",
        "optimizer.sgd.lr": "sgd.lr",
        "optimizer": "optimizer",
    }


def test_short_name_never_begins_with_an_index() -> None:
    assert short_names(["model.channels.0"]) == {"model.channels.0": "channels.0"}


def test_parameter_that_ends_like_another_keeps_its_full_name() -> None:
    assert short_names(["lr", "model.lr"]) == {"lr": "lr", "model.lr": "model.lr"}


def test_one_line_tells_every_parameter() -> None:
    assert one_line({"model.hidden": 32, "optimizer.lr": 0.00123456}) == "hidden=32 lr=0.00123"


def test_command_leaves_out_what_is_not_given_and_quotes_what_must_be() -> None:
    line = command("show", "my study", 7, storage=None, per_device=2)
    assert line == "hpsearch show 'my study' 7 --per-device 2"
