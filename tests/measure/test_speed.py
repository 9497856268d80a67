"""What `check --speed` concludes from measurements, and in which order it takes them."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest
from rich.console import Console

from hpsearch.engines.slots import Slot
from hpsearch.errors import SearchError
from hpsearch.measure import speed as measuring
from hpsearch.measure.speed import (
    Measurement,
    Variant,
    baseline,
    possible_variants,
)
from hpsearch.protocol.job import Job
from hpsearch.studyfile.study import StudySpec
from hpsearch.views.check import speed
from hpsearch.views.check.speed import recommendation, speed_table

CONFIG = {"model": {"class_path": "a.Model"}, "trainer": {"max_epochs": 10}}


def timed(
    name: str, *milliseconds: float, compiling: tuple[float, ...] = (), **variant: Any
) -> Measurement:
    compiled = compiling or (0.0,) * len(milliseconds)
    rounds = [
        {
            "seconds_per_step": ms / 1000,
            "samples_per_second": 100_000 / ms,
            "steps_per_epoch": 100,
            "compile_seconds": seconds,
        }
        for ms, seconds in zip(milliseconds, compiled, strict=True)
    ]
    return Measurement(Variant(name, f"speed: {{{name}: true}}", CONFIG, **variant), rounds)


BASELINE = timed("as the file says", 100, 110, 120)


@pytest.mark.parametrize(
    ("config", "circumstances", "names"),
    [
        (CONFIG, (False, False), ["bf16-mixed", "compile"]),
        (CONFIG, (True, False), ["channels_last", "bf16-mixed", "compile"]),
        (CONFIG, (False, True), ["bf16-mixed", "compile", "compile: reduce-overhead"]),
        (CONFIG | {"speed": {"compile": True}}, (False, False), ["bf16-mixed"]),
        (
            CONFIG | {"speed": {"compile": "reduce-overhead"}},
            (False, True),
            ["bf16-mixed", "compile"],
        ),
        (CONFIG | {"trainer": {"precision": "bf16-mixed"}}, (False, False), ["compile"]),
    ],
)
def test_the_ways_are_those_that_the_file_does_not_take(
    config: dict[str, Any], circumstances: tuple[bool, bool], names: list[str]
) -> None:
    lays_out, gpu = circumstances
    variants = possible_variants(config, takes_channels_last=lays_out, gpu=gpu)
    assert [variant.name for variant in variants] == names


def test_a_way_is_the_file_with_one_line_more() -> None:
    laid, fewer, _ = possible_variants(CONFIG, takes_channels_last=True, gpu=False)
    assert laid.config == CONFIG | {"speed": {"channels_last": True}}
    assert laid.write == "speed: {channels_last: true}"
    assert fewer.config["trainer"] == {"max_epochs": 10, "precision": "bf16-mixed"}
    assert fewer.write == "trainer.precision: bf16-mixed"
    both = possible_variants(laid.config, takes_channels_last=False, gpu=True)[-1]
    assert both.config["speed"] == {"channels_last": True, "compile": "reduce-overhead"}
    assert both.write == "speed: {channels_last: true, compile: reduce-overhead}"
    assert baseline(CONFIG).config == CONFIG


def test_the_table_shows_each_way_or_why_it_cannot_be_taken(on_screen: Any) -> None:
    compiled = timed("compile", 50, 55, 80, compiling=(40.0, 5.0, 6.0))
    broken = Measurement(Variant("bf16-mixed", "x", CONFIG), [{}], "RuntimeError: [no] such kernel")
    lines = on_screen(speed_table(BASELINE, [compiled, broken])).splitlines()
    rows = [" ".join(line.split()) for line in lines[2:]]
    assert rows == [
        "as the file says 909 1",
        "compile 1,818 2.00 (1.50 to 2.00) 40s, again 5.5s speed: {compile: true}",
        "bf16-mixed - - - RuntimeError: [no] such kernel",
    ]


def test_nothing_is_recommended_that_does_not_gain_in_every_round() -> None:
    now_and_then = timed("channels_last", 50, 50, 115)
    broken = Measurement(Variant("compile", "x", CONFIG), [{}], "no")
    assert recommendation(BASELINE, [now_and_then, broken], 10) == (
        "None gains more than 5% in every round: leave the file as it is."
    )


def test_the_fastest_is_recommended_and_the_others_are_to_be_measured_on_top_of_it() -> None:
    laid = timed("channels_last", 80, 88, 100)
    fewer = timed("bf16-mixed", 50, 55, 60, caution="It computes with lower precision.")
    assert recommendation(BASELINE, [laid, fewer], 10) == (
        "Write speed: {bf16-mixed: true}: 2.00 times as fast (2.00 at least). It computes with"
        " lower precision. Then check --speed again: channels_last may add to it."
    )


@pytest.mark.parametrize(
    ("epochs", "words"),
    [
        (
            20,
            "Write speed: {compile: true}: 2.00 times as fast (2.00 at least), which makes up for"
            " 44s of compiling after 8.0 of a trial's 20 epochs.",
        ),
        (
            8,
            "None gains more than 5% in every round and makes up for compiling: leave the file as"
            " it is. compile takes 44s to compile, which pays off after 8.0 epochs; a trial has 8.",
        ),
        (
            2,
            "None gains more than 5% in every round and makes up for compiling: leave the file as"
            " it is. compile takes 44s to compile, which pays off after 8.0 epochs; a trial has 2.",
        ),
    ],
)
def test_compiling_must_be_earned_back_within_a_trial(epochs: int, words: str) -> None:
    compiled = timed("compile", 50, 55, 60, compiling=(44.0, 5.0, 5.0))
    assert recommendation(BASELINE, [compiled], epochs) == words


def test_many_epochs_are_counted_without_a_fraction() -> None:
    compiled = timed("compile", 99.0, 99.0, 99.0, compiling=(22_000.0, 5.0, 5.0))
    baseline = timed("as the file says", 110, 110, 110)
    assert "which pays off after 20,000 epochs; a trial has 2." in recommendation(
        baseline, [compiled], 2
    )


def test_a_way_with_little_to_compile_beats_a_faster_one_in_a_short_trial() -> None:
    compiled = timed("compile", 50, 55, 60, compiling=(20.0, 5.0, 5.0))
    laid = timed("channels_last", 60, 66, 72)
    assert recommendation(BASELINE, [compiled, laid], 5).startswith("Write speed: {channels_last")
    assert recommendation(BASELINE, [compiled, laid], 50).startswith("Write speed: {compile")


SPEC = StudySpec.from_document(
    {
        "study": {"name": "a", "objective": {"val_loss": "minimize"}, "trials": 1},
        "model": {"class_path": "a.Model", "init_args": {"width": "~int(2, 8)"}},
        "data": {"class_path": "a.Data"},
        "trainer": {"max_epochs": 10},
    }
)


def variant_named(job: Job) -> str:
    speed = job.config.get("speed") or {}
    return ", ".join([*speed, str(job.config["trainer"].get("precision", ""))]).strip(", ")


def test_rounds_go_there_and_back_again_and_a_way_that_failed_is_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    order: list[str] = []

    def answer(function: str, job: Job, cache: str) -> dict[str, Any]:
        assert job.config["model"]["init_args"] == {"width": 5}
        order.append(variant_named(job))
        if order[-1] == "compile":
            raise SearchError("the process that ran it ended with -11; see its output in nowhere")
        if order[-1] == "bf16-mixed":
            return {"failure": "RuntimeError: " + "x" * 1000}
        return dict(timed("x", 100).rounds[0], takes_channels_last=True)

    monkeypatch.setattr(measuring, "subprocesses", lambda: nullcontext(answer))
    screen = Console(width=200)
    measured = measuring.measure_speed(SPEC, Slot("cpu:0", "cpu", 1), screen.status)
    speed.print_speed(screen, measured)
    first = ["", "channels_last", "bf16-mixed", "compile"]
    assert order == [*first, "channels_last", "", "", "channels_last"]
    printed = capsys.readouterr().out
    assert "the process that ran it ended with -11" in printed
    assert "nowhere" not in printed
    assert "leave the file as it is" in printed


def test_a_file_that_cannot_be_timed_itself_says_so_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing = nullcontext(lambda *_: {"failure": "no [data]"})
    monkeypatch.setattr(measuring, "subprocesses", lambda: failing)
    screen = Console(width=200)
    measured = measuring.measure_speed(SPEC, Slot("cpu:0", "cpu", 1), screen.status)
    speed.print_speed(screen, measured)
    assert capsys.readouterr().out.strip() == "The speed cannot be measured: no [data]"
