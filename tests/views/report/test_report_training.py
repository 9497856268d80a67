"""The sections on how the trials trained: curves, overtraining, pruning, failures, the winner."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from hpsearch.views.report.sections.curves import curves
from hpsearch.views.report.sections.failures import failures
from hpsearch.views.report.sections.generalization_gap import generalization_gap, rank_correlation
from hpsearch.views.report.sections.leaderboard import leaderboard
from hpsearch.views.report.sections.pruning import Rung, pruning, rungs
from hpsearch.views.report.sections.winner import winner
from hpsearch.views.tables.study import failure_counts


def test_pruned_trials_are_marked_where_they_ended(make_material: Any, make_searched: Any) -> None:
    trials = [
        make_searched(0, values_by_epoch={1: 0.5, 2: 0.6, 3: 0.7}),
        make_searched(1, "pruned", values_by_epoch={1: 0.4, 2: 0.45}),
        make_searched(2, "running", values_by_epoch={1: 0.3}),
    ]
    figure, _ = curves(make_material(*trials)).parts
    named = {trace["name"]: trace for trace in figure.traces}
    assert set(named) == {"complete", "pruned", "running", "pruned here", "best: trial 0"}
    assert (named["pruned here"]["x"], named["pruned here"]["y"]) == ((2,), (0.45,))


def test_a_trial_that_is_paused_after_its_first_epoch_is_seen(
    make_material: Any, make_searched: Any
) -> None:
    paused = make_searched(1, "paused", values_by_epoch={1: 0.4})
    figure, _ = curves(make_material(make_searched(0), paused)).parts
    (end,) = [trace for trace in figure.traces if trace["name"] == "paused here"]
    assert (end["x"], end["y"], end["mode"]) == ((1,), (0.4,), "markers")


def test_any_trial_is_shown_in_training_and_validation(
    make_material: Any, make_searched: Any
) -> None:
    metrics = {
        0: {1: {"val_loss": 0.5, "train_loss": 0.6, "lr": 0.1, "val/iou": 0.1, "train/iou": 0.2}},
        1: {1: {"val_loss": 0.4, "train_loss": 0.3}, 3: {"val_loss": math.nan, "val_f1": 0.2}},
    }
    trials = [make_searched(n, value=n / 10) for n in range(3)]
    _, chosen = curves(make_material(*trials, metrics=metrics)).parts
    assert chosen.options == {n: f"trial {n}: {n / 10:.4f}, complete" for n in (2, 1, 0)}
    assert {kind: [one["name"] for one in of] for kind, of in chosen.curves["kinds"].items()} == {
        "iou": ["train/iou", "val/iou"],
        "loss": ["train_loss", "val_loss"],
        "accuracy": ["val_accuracy"],
        "f1": ["val_f1"],
    }
    assert chosen.curves["trials"][1] == {
        "words": "hidden=64, dropout=0.25",
        "steps": [1, 3],
        "curves": {"train_loss": [0.3, None], "val_loss": [0.4, None], "val_f1": [None, 0.2]},
    }
    assert chosen.curves["trials"][2]["curves"] == {"val_accuracy": [0.1, 0.2]}, "the database's"


def test_while_no_trial_is_complete_the_leading_one_is_shown_alone(
    make_material: Any, make_searched: Any
) -> None:
    behind = make_searched(0, "running", values_by_epoch={1: 0.4})
    ahead = make_searched(1, "paused", values_by_epoch={1: 0.6})
    _, chosen = curves(make_material(behind, ahead)).parts
    assert [*chosen.options] == [1, 0]


def test_no_epochs_no_curves(make_material: Any, make_searched: Any) -> None:
    assert curves(make_material(make_searched(0, "failed"))) is None


def overtrained(make_searched: Any, number: int, dropout: Any, train: float, val: float) -> Any:
    facts = {"best_train_accuracy": train, "best_val_accuracy": val}
    return make_searched(number, value=val, dropout=dropout, attributes=facts)


def test_the_gap_is_how_much_better_training_is(make_material: Any, make_searched: Any) -> None:
    trials = [
        overtrained(make_searched, n, dropout=n / 20, train=0.99 - n / 100, val=0.9 + n / 1000)
        for n in range(10)
    ]
    parts = generalization_gap(make_material(*trials)).parts
    _, against_value, against_dropout, against_hidden = parts
    assert against_hidden.title == "the gap against hidden"
    assert against_value.traces[0]["x"][0] == pytest.approx(0.09)
    assert against_dropout.title == "the gap against dropout"
    assert against_dropout.note == (
        "More dropout goes with a narrower gap and with a better val_accuracy (rank correlations"
        " -1.00 and +1.00 over 10 trials)."
    )


def test_what_chance_shows_as_well_is_not_claimed(make_material: Any, make_searched: Any) -> None:
    values = [0.9, 0.93, 0.91, 0.95, 0.92, 0.96, 0.9, 0.94, 0.91, 0.95]
    trials = [overtrained(make_searched, n, n / 20, 0.99, val) for n, val in enumerate(values)]
    figure = generalization_gap(make_material(*trials)).parts[2]
    assert figure.note == (
        "More dropout goes with no clear change of the gap or of val_accuracy (rank correlations"
        " -0.29 and +0.29 over 10 trials)."
    )


def test_a_few_trials_say_nothing_of_dropout(make_material: Any, make_searched: Any) -> None:
    trials = [overtrained(make_searched, n, n / 10, 0.95, 0.9) for n in range(4)]
    figure = generalization_gap(make_material(*trials)).parts[-1]
    assert figure.note == "4 trials are too few to say whether it helps."


@pytest.mark.parametrize("options", ["0, 0.25, 0.5", "'none', 0.25"])
def test_every_parameter_is_drawn(make_material: Any, make_searched: Any, options: str) -> None:
    trials = [overtrained(make_searched, n, 0.25, 0.95, 0.9) for n in range(4)]
    data = make_material(*trials, model={"dropout": f"~choice({options})"})
    titles = [getattr(part, "title", "") for part in generalization_gap(data).parts]
    assert "the gap against dropout" in titles


def test_of_options_without_an_order_the_middle_gaps_are_said(
    make_material: Any, make_searched: Any
) -> None:
    trials = [
        overtrained(make_searched, n, ("much", "none")[n % 2], 0.95, 0.9 - n % 2 / 10)
        for n in range(10)
    ]
    data = make_material(*trials, model={"dropout": "~choice('none', 'much')"})
    note = generalization_gap(data).parts[2].note
    assert note == "Median gap: much 0.05 (5 trials), none 0.15 (5 trials)."


@pytest.mark.parametrize("by", ["_", "/"])
def test_of_a_loss_a_greater_validation_is_the_gap(
    make_material: Any, make_searched: Any, by: str
) -> None:
    facts = {f"best_train{by}loss": 0.1, f"best_val{by}loss": 0.4}
    goal = {f"val{by}loss": "minimize"}
    data = make_material(make_searched(0, attributes=facts), objectives=goal)
    note, against_value, *_ = generalization_gap(data).parts
    assert "how much better loss is in training" in note.text
    assert against_value.traces[0]["x"] == (pytest.approx(0.3),)


def test_no_training_metric_no_gap(make_material: Any, make_searched: Any) -> None:
    assert generalization_gap(make_material(make_searched(0))) is None


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        ([1, 2, 3, 4], [1, 10, 100, 1000], 1.0),
        ([1, 2, 3, 4], [4, 3, 2, 1], -1.0),
        ([1, 1, 2, 2], [1, 2, 1, 2], 0.0),
        ([1, 1, 1], [1, 2, 3], None),
        ([1], [1], None),
    ],
)
def test_rank_correlation(x: list[float], y: list[float], expected: float | None) -> None:
    found = rank_correlation(x, y)
    assert found == (None if expected is None else pytest.approx(expected))


def curve(epochs: int) -> dict[int, float]:
    return dict.fromkeys(range(1, epochs + 1), 0.5)


def test_rungs_count_who_came_so_far_and_who_ended_there(make_searched: Any) -> None:
    ends = [("complete", 8), ("pruned", 1), ("pruned", 1), ("pruned", 3), ("failed", 2)]
    trials = [
        make_searched(n, state, values_by_epoch=curve(epochs))
        for n, (state, epochs) in enumerate(ends)
    ]
    assert rungs(trials) == [Rung(1, reached=5, pruned=2), Rung(3, reached=2, pruned=1)]
    waiting = [make_searched(n, "paused", values_by_epoch=curve(3)) for n in (5, 6)]
    first, last = rungs([*trials, *waiting])
    assert first == Rung(1, reached=7, pruned=2)
    assert last == Rung(3, reached=4, pruned=1, paused=2)
    assert last.continued == 1
    promoted = make_searched(7, "complete", values_by_epoch=curve(8), attributes={"promoted": [2]})
    assert rungs([*trials, promoted])[1] == Rung(2, reached=4, pruned=0), "all continued"


def test_saved_time_is_the_missing_epochs_at_the_trial_s_own_pace(
    make_material: Any, make_searched: Any
) -> None:
    trials = [
        make_searched(0, seconds=80.0, values_by_epoch=curve(8)),
        make_searched(1, "pruned", seconds=20.0, values_by_epoch=curve(2)),
    ]
    words, _ = pruning(make_material(*trials)).parts
    assert "1 of 2 trials were pruned. They did not train 6 epochs" in words.text
    assert "about 1m 00s at their own pace: 38% of the time" in words.text


@pytest.mark.parametrize(
    ("count", "words", "shown"),
    [(2, "Why they were pruned:", 2), (40, "Why they were pruned, the last 30 of 40:", 30)],
)
def test_why_a_trial_was_pruned_stands_beside_it(
    make_material: Any, make_searched: Any, count: int, words: str, shown: int
) -> None:
    trials = pruned_because(make_searched, [f"by MedianPruner: behind {n}" for n in range(count)])
    *_, title, table = pruning(make_material(make_searched(count), *trials)).parts
    assert title.text == words
    assert len(table.rows) == shown
    last = count - 1
    assert table.rows[-1] == (str(last), "2", f"pruned by MedianPruner: behind {last}")


def test_a_reason_that_several_trials_share_is_written_once(
    make_material: Any, make_searched: Any
) -> None:
    trials = pruned_because(make_searched, ["too late", "too late", "behind", "too late"])
    data = make_material(make_searched(4), *trials)
    table = pruning(data).parts[-1]
    assert table.rows == [("0 to 1, 3", "2", "too late"), ("2", "2", "behind")]
    assert table.head[1] == "epoch"
    within = replace(data, study=replace(data.study, unit="validation"))
    assert pruning(within).parts[-1].head[1] == "validation"
    assert "validations" in leaderboard(within).parts[0].head


def pruned_because(make: Any, reasons: list[str]) -> list[Any]:
    decision = {"step": 2, "action": "prune", "rung": 0}
    return [
        make(
            n,
            "pruned",
            values_by_epoch=curve(2),
            attributes={"decisions": [{**decision, "reason": reason}]},
        )
        for n, reason in enumerate(reasons)
    ]


def test_nothing_pruned_nothing_to_say(make_material: Any, make_searched: Any) -> None:
    assert pruning(make_material(make_searched(0))) is None


def failed(make: Any, number: int, kind: str, reason: str, state: str = "failed") -> Any:
    return make(number, state, attributes={"failure": reason, "failure_kind": kind})


def test_failures_are_counted_by_kind(make_material: Any, make_searched: Any) -> None:
    trials = [
        failed(make_searched, 0, "training", "ValueError: a"),
        failed(make_searched, 1, "set-up", "KeyError: b"),
        failed(make_searched, 2, "training", "ValueError: c"),
    ]
    table, words = failures(make_material(*trials)).parts
    assert table.rows == [
        ("training", "2", "0, 2", "ValueError: c"),
        ("set-up", "1", "1", "KeyError: b"),
    ]
    assert "`hpsearch show mnist 2`" in words.text


def test_status_and_report_agree_on_a_hang_a_kill_and_a_lack_of_memory(
    make_material: Any, make_searched: Any
) -> None:
    memory = "OutOfMemoryError: tried to allocate 2 GiB"
    hang = "its process gave no sign of life for 900 s (study.hang_timeout), 4 times in a row"
    kill = "its process was killed (signal 9; perhaps the machine ran out of memory), 4 times"
    data = make_material(
        failed(make_searched, 0, "out of memory", memory, state="pruned"),
        failed(make_searched, 1, "hang", hang),
        failed(make_searched, 2, "killed", kill),
    )
    assert failure_counts(data.study) == "2: hang 1, killed 1; out of memory 1 (pruned)"
    assert [row[:3] for row in failures(data).parts[0].rows] == [
        ("out of memory", "1", "0"),
        ("hang", "1", "1"),
        ("killed", "1", "2"),
    ]
    only = make_material(failed(make_searched, 0, "out of memory", memory, state="pruned"))
    assert [row[0] for row in failures(only).parts[0].rows] == ["out of memory"]


def inspection() -> dict[str, Any]:
    mistake = {"png": b"png", "truth": "4", "guess": "9", "confidence": 0.987}
    confusion = [[90, 10], [0, 100]]
    return {"images": 200, "classes": ["4", "9"], "confusion": confusion, "mistakes": [mistake]}


def test_winner_s_mistakes_are_coloured_and_its_hits_are_not(
    make_material: Any, make_searched: Any
) -> None:
    words, matrix, pictures = winner(make_material(make_searched(7), inspection=inspection())).parts
    assert (
        "Trial 7 at its best epoch, on the 200 images of the validation split: 190 right, 10"
        in (words.text)
    )
    assert matrix.traces[0]["z"] == [[0, 10], [0, 0]]
    assert matrix.traces[0]["text"] == [["90", "10"], ["", "100"]]
    assert [picture.caption for picture in pictures.pictures] == ["4, taken for 9 (99%)"]


def test_why_the_winner_cannot_be_asked_is_said(make_material: Any, make_searched: Any) -> None:
    data = make_material(make_searched(7), inspection={"failure": "it is gone"})
    assert winner(data).parts[0].text == "Trial 7: it is gone."


def test_a_model_without_mistakes_has_no_gallery(make_material: Any, make_searched: Any) -> None:
    found = {**inspection(), "confusion": [[100, 0], [0, 100]], "mistakes": []}
    assert len(winner(make_material(make_searched(0), inspection=found)).parts) == 2
