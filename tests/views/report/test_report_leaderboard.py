from __future__ import annotations

from typing import Any

from hpsearch.views.report.sections.leaderboard import leaderboard


def test_best_trial_stands_first_and_is_marked(make_material: Any, make_searched: Any) -> None:
    trials = [make_searched(0, value=0.5), make_searched(1, value=0.75), make_searched(2, "failed")]
    table = leaderboard(make_material(*trials)).parts[0]
    assert [row[:3] for row in table.rows] == [
        ["1", "1", "0.7500"],
        ["2", "0", "0.5000"],
        ["", "2", "-"],
    ]
    assert table.marked == [0]


def test_accuracy_has_the_interval_that_its_images_leave(
    make_material: Any, make_searched: Any
) -> None:
    data = make_material(make_searched(0, value=0.99), inspection={"images": 5000})
    table = leaderboard(data).parts[0]
    assert table.rows[0][table.head.index("95 % interval")] == "0.9868 to 0.9924"


def test_a_loss_has_no_interval(make_material: Any, make_searched: Any) -> None:
    goal = {"val_loss": "minimize"}
    data = make_material(make_searched(0), objectives=goal, inspection={"images": 5000})
    assert "95 % interval" not in leaderboard(data).parts[0].head


def test_every_objective_has_a_column(make_material: Any, make_searched: Any) -> None:
    goals = {"val_accuracy": "maximize", "parameters": "minimize"}
    sized = make_searched(1, "pruned", values=None, attributes={"parameters": 70})
    unsized = make_searched(2, "failed", values=None, attributes={})
    trials = [make_searched(0, values=(0.9, 50.0)), sized, unsized]
    table = leaderboard(make_material(*trials, objectives=goals, pareto_front=(trials[0],))).parts[
        0
    ]
    place = table.head.index("parameters")
    assert [row[place] for row in table.rows] == ["50", "70", "-"]


def test_long_leaderboards_say_what_they_leave_out(make_material: Any, make_searched: Any) -> None:
    parts = leaderboard(make_material(*map(make_searched, range(40)))).parts
    assert len(parts[0].rows) == 25
    assert parts[1].text == "25 of 40 trials."


def test_no_trials_no_leaderboard(make_material: Any) -> None:
    assert leaderboard(make_material()) is None
