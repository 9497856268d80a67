"""What `check --speed` concludes from measurements, and in which order it takes them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from hpsearch.engines.slots import Slot
from hpsearch.errors import SearchError
from hpsearch.measure import speed as measuring
from hpsearch.measure.speed import Measurement, Variant, baseline, possible_variants
from hpsearch.measure.speed_choice import choose_speed, is_worse
from hpsearch.protocol.job import Job
from hpsearch.protocol.types import Direction
from hpsearch.studyfile.study import StudySpec
from hpsearch.views.check import speed
from hpsearch.views.check.speed import recommendation, speed_table

CONFIG = {"model": {"class_path": "a.Model"}, "trainer": {"max_epochs": 10}}


def timed(
    name: str,
    *milliseconds: float,
    compiling: tuple[float, ...] = (),
    values: tuple[float, ...] = (),
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
    changes: dict[str, Any] = {"speed": {name: True}}
    if name == "bf16-mixed":
        changes = {"trainer.precision": name}
    variant = Variant(name, changes, CONFIG, lowers_precision=name == "bf16-mixed")
    return Measurement(variant, rounds, values=values, steps=80)


BASELINE = timed("as the file says", 100, 110, 120)
GOALS: dict[str, Direction] = {"val_loss": "minimize"}


NOTHING = {"takes_channels_last": False, "takes_onednn": False}
IMAGES = {"takes_channels_last": True, "takes_onednn": False}
ALL = {"takes_channels_last": True, "takes_onednn": True}


@pytest.mark.parametrize(
    ("config", "found", "gpu", "names"),
    [
        (CONFIG, NOTHING, False, ["bf16-mixed", "compile"]),
        (CONFIG, IMAGES, False, ["channels_last", "bf16-mixed", "compile"]),
        (CONFIG, ALL, False, ["channels_last", "onednn", "bf16-mixed", "compile"]),
        (CONFIG, NOTHING, True, ["bf16-mixed", "compile", "compile: reduce-overhead"]),
        (
            CONFIG | {"speed": {"compile": True, "onednn": True}},
            ALL,
            False,
            ["channels_last", "bf16-mixed"],
        ),
        (
            CONFIG | {"speed": {"compile": "reduce-overhead"}},
            NOTHING,
            True,
            ["bf16-mixed", "compile"],
        ),
        (CONFIG | {"trainer": {"precision": "bf16-mixed"}}, NOTHING, False, ["compile"]),
    ],
)
def test_the_ways_are_those_that_the_file_does_not_take(
    config: dict[str, Any], found: dict[str, bool], gpu: bool, names: list[str]
) -> None:
    variants = possible_variants(config, found, gpu=gpu)
    assert [variant.name for variant in variants] == names
    others = possible_variants(config, found, gpu=gpu, compiling=False)
    assert [each.name for each in others] == [name for name in names if "compile" not in name]


def test_a_way_is_the_file_with_one_line_more() -> None:
    laid, fewer, _ = possible_variants(CONFIG, IMAGES, gpu=False)
    assert laid.config == CONFIG | {"speed": {"channels_last": True}}
    assert laid.write == "speed: {channels_last: true}"
    assert fewer.config["trainer"] == {"max_epochs": 10, "precision": "bf16-mixed"}
    assert fewer.write == "trainer.precision: bf16-mixed"
    both = possible_variants(laid.config, NOTHING, gpu=True)[-1]
    assert both.config["speed"] == {"channels_last": True, "compile": "reduce-overhead"}
    assert both.write == "speed: {channels_last: true, compile: reduce-overhead}"
    assert baseline(CONFIG).config == CONFIG


def test_the_table_shows_each_way_or_why_it_cannot_be_taken(on_screen: Any) -> None:
    compiled = timed("compile", 50, 55, 80, compiling=(40.0, 5.0, 6.0))
    broken = Measurement(Variant("bf16-mixed", {}, CONFIG), [{}], "RuntimeError: [no] such kernel")
    lines = on_screen(speed_table(BASELINE, [compiled, broken])).splitlines()
    rows = [" ".join(line.split()) for line in lines[2:]]
    assert rows == [
        "as the file says 909 1",
        "compile 1,818 2.00 (1.50 to 2.00) 40s, again 5.5s speed: {compile: true}",
        "bf16-mixed - - - RuntimeError: [no] such kernel",
    ]


def test_nothing_is_recommended_that_does_not_gain_in_every_round() -> None:
    now_and_then = timed("channels_last", 50, 50, 115)
    broken = Measurement(Variant("compile", {}, CONFIG), [{}], "no")
    assert recommendation(BASELINE, [now_and_then, broken], 10, GOALS) == (
        "None gains more than 5% in every round: leave the file as it is."
    )


FULL = replace(BASELINE, values=(0.30, 0.32, 0.34))
ALIKE = timed("bf16-mixed", 50, 55, 60, values=(0.31, 0.32, 0.35))
WORSE = timed("bf16-mixed", 50, 55, 60, values=(0.40, 0.41, 0.45))
ALIKE_WORDS = (
    "val_loss after 80 steps with 3 seeds is 0.31, 0.32, 0.35; as the file says 0.3, 0.32, 0.34"
)


def test_the_fastest_is_recommended_and_the_others_are_to_be_measured_on_top_of_it() -> None:
    laid = timed("channels_last", 80, 88, 100)
    assert recommendation(FULL, [laid, ALIKE], 10, GOALS) == (
        f"Write trainer.precision: bf16-mixed: 2.00 times as fast (2.00 at least). {ALIKE_WORDS}:"
        " no worse. Then check --speed again: channels_last may add to it."
    )


def test_lower_precision_is_worth_it_only_where_the_objective_stays_the_same() -> None:
    assert recommendation(FULL, [WORSE], 10, GOALS) == (
        "None gains more than 5% in every round and is worth it: leave the file as it is."
        " bf16-mixed makes it worse: val_loss after 80 steps with 3 seeds is 0.4, 0.41, 0.45; as"
        " the file says 0.3, 0.32, 0.34."
    )


@pytest.mark.parametrize(
    ("values", "direction", "worse"),
    [
        ((0.30, 0.32, 0.34), "minimize", False),
        ((0.33, 0.34, 0.35), "minimize", False),
        ((0.36, 0.37, 0.38), "minimize", True),
        ((0.36, 0.37, 0.38), "maximize", False),
        ((0.26, 0.27, 0.28), "maximize", True),
        ((), "maximize", True),
    ],
)
def test_an_objective_is_worse_beyond_twice_the_error_of_the_difference(
    values: tuple[float, ...], direction: Direction, worse: bool
) -> None:
    assert is_worse(FULL, timed("bf16-mixed", 50, values=values), direction) is worse
    assert not is_worse(FULL, timed("channels_last", 50, values=values), direction)


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
            "None gains more than 5% in every round and is worth it: leave the file as it"
            " is. compile takes 44s to compile, which pays off after 8.0 epochs; a trial has 8.",
        ),
        (
            2,
            "None gains more than 5% in every round and is worth it: leave the file as it"
            " is. compile takes 44s to compile, which pays off after 8.0 epochs; a trial has 2.",
        ),
    ],
)
def test_compiling_must_be_earned_back_within_a_trial(epochs: int, words: str) -> None:
    compiled = timed("compile", 50, 55, 60, compiling=(44.0, 5.0, 5.0))
    assert recommendation(BASELINE, [compiled], epochs, GOALS) == words


def test_many_epochs_are_counted_without_a_fraction() -> None:
    compiled = timed("compile", 99.0, 99.0, 99.0, compiling=(22_000.0, 5.0, 5.0))
    baseline = timed("as the file says", 110, 110, 110)
    assert "which pays off after 20,000 epochs; a trial has 2." in recommendation(
        baseline, [compiled], 2, GOALS
    )


def test_a_way_with_little_to_compile_beats_a_faster_one_in_a_short_trial() -> None:
    compiled = timed("compile", 50, 55, 60, compiling=(20.0, 5.0, 5.0))
    laid = timed("channels_last", 60, 66, 72)
    assert recommendation(BASELINE, [compiled, laid], 5, GOALS).startswith(
        "Write speed: {channels_last"
    )
    assert recommendation(BASELINE, [compiled, laid], 50, GOALS).startswith("Write speed: {compile")


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


def measured_by(
    answer: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch, spec: StudySpec = SPEC
) -> list[Measurement]:
    monkeypatch.setattr(measuring, "subprocesses", lambda *_: nullcontext(answer))
    screen = Console(width=200)
    measured = measuring.measure_speed(spec, Slot("cpu:0", "cpu", 1), screen.status)
    speed.print_speed(screen, measured, spec)
    return measured


def test_rounds_go_there_and_back_again_and_a_way_that_failed_is_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    order: list[str] = []

    def answer(function: str, job: Job, cache: str, timeout_s: float | None) -> dict[str, Any]:
        assert job.config["model"]["init_args"] == {"width": 5}
        order.append(variant_named(job))
        assert (timeout_s is None) == (not order[-1]), "the file itself may take as long as it does"
        if order[-1] == "compile":
            raise SearchError("the process that ran it ended with -11; see its output in nowhere")
        if order[-1] == "bf16-mixed":
            return {"failure": "RuntimeError: " + "x" * 1000}
        return dict(timed("x", 100).rounds[0], **IMAGES)

    measured_by(answer, monkeypatch)
    first = ["", "channels_last", "bf16-mixed", "compile"]
    assert order == [*first, "channels_last", "", "", "channels_last"]
    printed = capsys.readouterr().out
    assert "the process that ran it ended with -11" in printed
    assert "nowhere" not in printed
    assert "leave the file as it is" in printed


def test_on_a_busy_machine_a_variant_may_take_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds, limits = [0.0], set()

    def answer(function: str, job: Job, cache: str, timeout_s: float | None) -> dict[str, Any]:
        seconds[0] += 30
        limits.add(timeout_s)
        return dict(timed("x", 100).rounds[0], **NOTHING)

    monkeypatch.setattr(measuring, "time", SimpleNamespace(monotonic=lambda: seconds[0]))
    measured_by(answer, monkeypatch)
    assert limits == {None, 90.0}, "three times as long as the file's first round"


def test_a_file_that_cannot_be_timed_itself_says_so_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    measured_by(lambda *_, timeout_s: {"failure": "no [data]"}, monkeypatch)
    assert capsys.readouterr().out.strip() == "The speed cannot be measured: no [data]"


def with_bf16(loss: Callable[[Job], Any]) -> Callable[..., dict[str, Any]]:
    """Answers that bf16 trains twice as fast, and what a short training gives."""

    def answer(function: str, job: Job, argument: Any, timeout_s: float | None) -> dict[str, Any]:
        if function.endswith("short_training"):
            assert argument == 40, "as many steps as are trained in four seconds, if time allows"
            return loss(job) if isinstance(loss(job), dict) else {"value": loss(job)}
        milliseconds = 50 if variant_named(job) == "bf16-mixed" else 100
        return dict(timed("x", milliseconds).rounds[0], **NOTHING)

    return answer


def test_lower_precision_is_compared_with_the_same_three_seeds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    trained: list[tuple[str, int]] = []

    def loss(job: Job) -> float:
        trained.append((variant_named(job), job.seed))
        return 0.3 + job.seed / 100

    first, lower, _ = measured_by(with_bf16(loss), monkeypatch)
    pairs = {(name, seed) for name in ("", "bf16-mixed") for seed in range(3)}
    assert set(trained) == pairs
    assert first.values == lower.values == [0.3, 0.31, 0.32]
    assert "0.31, 0.32; as the file says 0.3, 0.31, 0.32: no worse" in capsys.readouterr().out


AUTO = StudySpec.from_document({**SPEC.document, "speed": "auto"})


@pytest.mark.parametrize(
    ("loss", "document", "taken"),
    [
        (lambda job: 0.3 + job.seed / 100, {}, {"trainer.precision": "bf16-mixed"}),
        (lambda job: 0.5 if variant_named(job) else 0.3, {}, {}),
        (lambda job: {"failure": "val_loss is nan"} if variant_named(job) else 0.3, {}, {}),
        # The author has decided on the precision.
        (lambda _: 0.3, {"trainer": {"max_epochs": 10, "precision": "32-true"}}, {}),
    ],
)
def test_auto_takes_what_pays_and_says_why(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    loss: Callable[[Job], Any],
    document: dict[str, Any],
    taken: dict[str, Any],
) -> None:
    spec = StudySpec.from_document({**AUTO.document, **document})
    choice = choose_speed(measured_by(with_bf16(loss), monkeypatch, spec), spec)
    assert choice["taken"] == taken
    said = {
        True: "Now, speed: auto took trainer.precision: bf16-mixed: 2.00 times as fast",
        False: "Now, speed: auto took nothing: nothing gains more than 5% in every round.",
    }
    assert said[bool(taken)] in capsys.readouterr().out
    decided = spec.with_speed(choice)
    precision = {"precision": "bf16-mixed"} if taken else {}
    assert decided.document == {
        **SPEC.document,
        "trainer": {**spec.document["trainer"], **precision},
    }
