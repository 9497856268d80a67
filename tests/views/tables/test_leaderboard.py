from __future__ import annotations

from typing import Any

import pytest

from hpsearch.views.tables.leaderboard import leaderboard

GOAL = {"val_accuracy": "maximize"}


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines()]


def test_validations_have_a_column_of_that_name(make_trial: Any, on_screen: Any) -> None:
    table = leaderboard([make_trial()], GOAL, width=120, limit=5, unit="validation")
    assert lines(on_screen(table))[0].split()[4] == "validations"


def test_each_parameter_has_a_column_where_all_fit(make_trial: Any, on_screen: Any) -> None:
    table = leaderboard([make_trial(7, value=0.9876)], GOAL, width=120, limit=5)
    head, _, row = lines(on_screen(table))
    assert head.split() == [
        "#",
        "trial",
        "val_accuracy",
        "curve",
        "epochs",
        "state",
        "hidden",
        "lr",
    ]
    assert row.split() == ["1", "7", "0.9876", "▁█", "2", "complete", "32", "0.001"]


@pytest.mark.parametrize("width", [100, 120])
def test_many_long_names_share_one_cell_and_never_wrap(
    make_trial: Any, on_screen: Any, width: int
) -> None:
    params = {f"data.augment.a_rather_long_name_{n}": 0.5 for n in range(12)}
    trials = [make_trial(n, params=params) for n in range(3)]
    shown = lines(on_screen(leaderboard(trials, GOAL, width=width, limit=5), width=width))
    assert len(shown) == 5
    assert shown[0].endswith("parameters")
    fit = 2 if width == 120 else 1
    assert all(line.count("=0.5") == fit and len(line) <= width for line in shown[2:])
    assert all(line.endswith(f"+{12 - fit}") for line in shown[2:])


def test_a_narrow_screen_goes_without_the_curve_first(make_trial: Any, on_screen: Any) -> None:
    trial = make_trial(0, params={f"model.p{n}": 0.123 for n in range(9)})
    head = {
        width: lines(on_screen(leaderboard([trial], GOAL, width=width, limit=5), width=width))[0]
        for width in (100, 60, 50, 45, 30)
    }
    assert head[100].split()[2:] == ["val_accuracy", "curve", "epochs", "state", "parameters"]
    assert head[60].split()[2:] == ["val_accuracy", "epochs", "state", "parameters"]
    assert head[50].split()[2:] == ["val_accuracy", "state", "parameters"]
    assert head[45].split()[2:] == ["val_accuracy", "parameters"]
    assert head[30].split()[2:] == ["val_accuracy"]


def test_trials_may_come_in_an_order_of_their_own(make_trial: Any, on_screen: Any) -> None:
    trials = [make_trial(n, value=0.5 + n / 10) for n in (2, 0, 1)]
    shown = lines(on_screen(leaderboard(trials, GOAL, width=120, limit=2, in_order=True)))
    assert [row.split()[0] for row in shown[2:4]] == ["2", "0"], "and without a rank"
    assert "and 1 more" in shown[-1]


def test_a_parameter_of_another_branch_is_left_blank(make_trial: Any, on_screen: Any) -> None:
    trials = [make_trial(0, params={"optimizer": "adam"}), make_trial(1, params={"depth": 3})]
    shown = lines(on_screen(leaderboard(trials, GOAL, width=120, limit=5)))
    assert shown[2].endswith("adam")
    assert shown[3].endswith("complete                 3")


def test_only_complete_trials_have_a_rank(make_trial: Any, on_screen: Any) -> None:
    trials = [make_trial(0, "pruned"), make_trial(1)]
    shown = lines(on_screen(leaderboard(trials, GOAL, width=120, limit=5)))
    assert shown[2].split()[:2] == ["1", "1"]
    assert shown[3].split()[0] == "0"


def test_rows_left_out_are_counted(make_trial: Any, on_screen: Any) -> None:
    trials = [make_trial(n) for n in range(9)]
    assert "and 4 more" in on_screen(leaderboard(trials, GOAL, width=120, limit=5))


def test_every_objective_has_its_column(make_trial: Any, on_screen: Any) -> None:
    goals = {"val_accuracy": "maximize", "seconds": "minimize"}
    table = leaderboard([make_trial(0, values=(0.9, 12.5))], goals, width=120, limit=5)
    assert "0.9000  12.5000" in on_screen(table)


def test_objectives_with_the_same_beginning_look_different(make_trial: Any, on_screen: Any) -> None:
    goals = {f"val_segmentation_iou_{name}": "maximize" for name in ("cat", "dog")}
    trial = make_trial(0, values=(0.1, 0.2))
    head = lines(on_screen(leaderboard([trial], goals, width=120, limit=5)))[0]
    assert head.split()[2:4] == ["val_segm…iou_cat", "val_segm…iou_dog"]


def test_text_in_brackets_is_no_markup(make_trial: Any, on_screen: Any) -> None:
    trial = make_trial(0, params={"model.kind": "[red]x[/red]"})
    assert "[red]x[/red]" in on_screen(leaderboard([trial], GOAL, width=120, limit=5))
